// Creates a room, says something in it, finds that again, and deletes the room. These functions take the chat: its URL and its user.
import { connect } from '@rabble/client'
import { createRoom, deleteRoom, listRooms } from '@rabble/client/rooms'
import { exportMessages, searchMessages } from '@rabble/client/search'
import { WebSocket } from 'ws'

const chat = connect({ url: process.env.RABBLE_URL ?? 'http://127.0.0.1:8080', name: 'Grace', WebSocket })
await chat.ready
const name = `plans-${Date.now()}`
await createRoom(chat, name, { topic: 'What comes next', capacity: 10 })
const { rooms } = await listRooms(chat, { q: name })
process.stdout.write(`${rooms[0].topic}: ${rooms[0].count} of ${rooms[0].capacity}\n`)
// The room is not joined: it is entered for as long as sending takes.
await chat.room(name).send('The harbour opens in May')

// The search follows the log at a small distance.
let found = []
while (found.length === 0) {
  found = (await searchMessages(chat, 'harbour', { room: name })).results
  if (found.length === 0) await new Promise((resolve) => setTimeout(resolve, 200))
}
process.stdout.write(`found: ${found[0].message.text}\n`)
for await (const { text } of exportMessages(chat, name)) process.stdout.write(`exported: ${text}\n`)
await deleteRoom(chat, name)
chat.close()
