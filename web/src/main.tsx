import { render } from 'preact'
import { App } from './app.tsx'
import { startNotifications } from './notifications/follow.ts'
import { startConversations } from './state/conversations.ts'
import { startNames } from './state/names.ts'
import { startPeople } from './state/people.ts'
import { startReading } from './state/reading.ts'
import { startRoomInfo } from './state/room-info.ts'
import { startRooms } from './state/rooms.ts'
import { startRouting } from './state/route.ts'
import { comeBack } from './state/session.ts'

startRouting()
startNames()
startNotifications()
startConversations()
startRooms()
startRoomInfo()
startReading()
startPeople()
void comeBack()
const page = document.getElementById('page')
if (page !== null) render(<App />, page)
