// Publishes a notification to the queue: node notify.mjs '{"room": "general", "message": "Build 7 is done"}' [name]
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'

const { RABBLE_AMQP_URL: url = 'amqp://guest:guest@127.0.0.1:5672' } = process.env
const [body = '', messageId = randomUUID()] = process.argv.slice(2)

const connection = await connect(url, { noDelay: true })
// The broker confirms that it has the message. It also confirms a message that reaches no queue: hence `mandatory`.
const channel = await connection.createConfirmChannel()
let returned = false
channel.on('return', () => {
  returned = true
})
channel.publish('rabble.notify', '', Buffer.from(body), {
  contentType: 'application/json',
  persistent: true,
  mandatory: true,
  // If this fails, publish it again with the same name. It is delivered to the room once.
  messageId,
})
await channel.waitForConfirms()
await connection.close()
if (returned) throw new Error('there is no queue rabble.notify: no gateway was ever started')
process.stdout.write(`${messageId}\n`)
