import { connect } from '@rabble/client'
// Browsers and Node.js 22 have a WebSocket of their own.
import { WebSocket } from 'ws'

const chat = connect({ url: process.env.RABBLE_URL ?? 'http://127.0.0.1:8080', name: 'Ada', WebSocket })
const room = chat.room('general')
room.on('message', ({ message }) => process.stdout.write(`${message.from.name}: ${message.text}\n`))
await room.join()
await room.send('Good morning')
