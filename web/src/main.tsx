import { render } from 'preact'
import { App } from './app.tsx'
import { startPeople } from './state/people.ts'
import { startRooms } from './state/rooms.ts'
import { startRouting } from './state/route.ts'
import { comeBack } from './state/session.ts'

startRouting()
startRooms()
startPeople()
void comeBack()
const page = document.getElementById('page')
if (page !== null) render(<App />, page)
