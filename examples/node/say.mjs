// Sends a message to a room over HTTP: RABBLE_TOKEN=… node say.mjs general 'Build 7 is done' [name]
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const { RABBLE_URL: url = 'http://127.0.0.1:8080', RABBLE_TOKEN: token } = process.env
const [room = '', text, name = randomUUID()] = process.argv.slice(2)

/** Sends the message until there is an answer. The name makes that safe: it identifies the message. */
async function say(attempts) {
  try {
    const response = await fetch(`${url}/api/rooms/${encodeURIComponent(room)}/messages`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': name,
      },
      body: JSON.stringify({ text }),
      signal: AbortSignal.timeout(10_000),
    })
    const answer = await response.json()
    if (response.ok) return answer.id
    const refusal = new Error(`${answer.code}: ${answer.message}`)
    if (response.status !== 429 && response.status < 500) throw Object.assign(refusal, { final: true })
    throw refusal
  } catch (error) {
    if (error.final || attempts === 1) throw error
    await sleep(1000 + Math.random() * 1000)
    return say(attempts - 1)
  }
}

process.stdout.write(`${await say(10)}\n`)
