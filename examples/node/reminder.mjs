// Reminds a room again and again, through the queue: ROOM=general MINUTES=60 TEXT='Time for a break' node reminder.mjs
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'

const { RABBLE_AMQP_URL_FILE: file, ROOM: room, MINUTES: minutes = '60', TEXT: text } = process.env
// A file, such as a secret of Docker, can't be seen by `docker inspect`.
const url = file ? readFileSync(file, 'utf8').trim() : process.env.RABBLE_AMQP_URL
const interval = Number(minutes) * 60_000
if (!url || !room || !text || !(interval > 0)) {
  throw new Error('it needs RABBLE_AMQP_URL or RABBLE_AMQP_URL_FILE, ROOM, TEXT, and MINUTES greater than 0')
}

/** Puts a notification into the queue. @throws Error if it may not be there: put it there again under the same name */
async function notify(messageId) {
  const connection = await connect(url, { noDelay: true, timeout: 10_000 })
  // The calls below fail with the same error.
  connection.on('error', () => {})
  try {
    // The broker confirms that it has the message. It also confirms a message that reaches no queue: hence `mandatory`.
    const channel = await connection.createConfirmChannel()
    let error
    channel.on('return', () => {
      error = new Error('there is no queue rabble.notify: no gateway was ever started')
    })
    channel.on('error', (reason) => {
      error = reason
    })
    const body = Buffer.from(JSON.stringify({ room, text }))
    const options = { contentType: 'application/json', persistent: true, mandatory: true, messageId }
    channel.publish('rabble.notify', '', body, options)
    await channel.waitForConfirms()
    if (error) throw error
  } finally {
    await connection.close().catch(() => {})
  }
}

for (let told; ; ) {
  const turn = Math.floor(Date.now() / interval)
  try {
    // All copies of this program give a reminder the same name, also after a restart. So it is told once.
    if (turn !== told) await notify(`reminder:${room}:${turn}`)
    told = turn
    await sleep(Math.min(60_000, Math.max(10, (turn + 1) * interval - Date.now())))
  } catch (error) {
    process.stderr.write(`${error.message}: again in 5 s\n`)
    await sleep(5_000)
  }
}
