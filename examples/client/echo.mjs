// A bot that answers messages that begin with "echo", in their order. It misses none when it reconnects.
import { connect } from '@rabble/client'
import { WebSocket } from 'ws'

const { RABBLE_URL = 'http://127.0.0.1:8080', RABBLE_TOKEN, NAME = 'Echo', ROOM = 'general' } = process.env
const who = RABBLE_TOKEN ? { token: RABBLE_TOKEN } : { name: NAME }
const chat = connect({ url: RABBLE_URL, ...who, WebSocket })
process.once('SIGTERM', () => chat.close())
chat.on('state', ({ state }) => process.stderr.write(`${state.status} ${state.reason ?? ''}\n`))

const room = chat.room(ROOM)
void room.join({ recent: 0 })

for await (const event of room) {
  if (event.type === 'joined') process.stdout.write(`in ${ROOM}\n`)
  if (event.type === 'gap') process.stderr.write('something was missed for good\n')
  if (event.type !== 'message' || !event.message.text.startsWith('echo ')) continue
  const { id, text } = event.message
  // The bot may be stopped or muted before its answer is acknowledged.
  const failed = (error) => process.stderr.write(`no answer to ${id}: ${error.message}\n`)
  await room.send(text.slice(5), { replyTo: id }).catch(failed)
}
