// Receives events of rooms as a webhook, and writes each as a line: RABBLE_WEBHOOK_SECRET=whsec_… PORT=3000 node webhook.mjs
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const { RABBLE_WEBHOOK_SECRET: secret = '', PORT: port = '3000' } = process.env
if (!secret.startsWith('whsec_')) throw new Error('RABBLE_WEBHOOK_SECRET must be that of the server')
const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
/** Ids of the newest events, since some come again. */
const known = new Set()

/** Whether the request is of the holder of the secret, and no older than five minutes. */
function isSigned({ 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures }, body) {
  const signature = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest('base64')
  const wanted = Buffer.from(`v1,${signature}`)
  const isEqual = (given) => given.length === wanted.length && timingSafeEqual(given, wanted)
  const isRecent = Math.abs(Date.now() / 1000 - Number(at)) < 300
  return (
    isRecent &&
    String(signatures)
      .split(' ')
      .some((given) => isEqual(Buffer.from(given)))
  )
}

async function receive(request, response) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  if (!isSigned(request.headers, body)) return response.writeHead(401).end()
  for (const event of JSON.parse(body).data.events) {
    if (known.has(event.id)) continue
    if (known.add(event.id).size > 10_000) known.delete(known.values().next().value)
    process.stdout.write(`${JSON.stringify(event)}\n`)
  }
  // Says that the events are done with: without it they come again.
  response.writeHead(204).end()
}

createServer((request, response) => void receive(request, response).catch(() => request.destroy())).listen(
  port,
)
