import { render } from 'preact'
import { App } from './app.tsx'
import { startSeen } from './conversation/seen.ts'
import { startNotifications } from './notifications/follow.ts'
import { startConversations } from './state/conversations.ts'
import { startNames } from './state/names.ts'
import { startPeople } from './state/people.ts'
import { startPresence } from './state/presence.ts'
import { startReading } from './state/reading.ts'
import { startRoomInfo } from './state/room-info.ts'
import { startRooms } from './state/rooms.ts'
import { startRouting } from './state/route.ts'
import { comeBack } from './state/session.ts'
import { startLanguage } from './texts/language.ts'

startRouting()
startNames()
startNotifications()
startConversations()
startRooms()
startRoomInfo()
startReading()
startPeople()
startSeen()
startPresence()
const page = document.getElementById('page')
// Not at the top level of the module: texts of a language are a module that waits for this one.
void startLanguage().then(() => {
  void comeBack()
  if (page !== null) render(<App />, page)
})
