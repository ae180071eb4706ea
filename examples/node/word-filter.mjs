// Checks messages before they are published: WORDS='darn,heck' RABBLE_BEFORE_PUBLISH_SECRET=whsec_… PORT=8000 node word-filter.mjs
// Run gateways with the same secret and with RABBLE_BEFORE_PUBLISH_URL=http://127.0.0.1:8000/
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const { RABBLE_BEFORE_PUBLISH_SECRET = '', WORDS = 'darn,heck', PORT = '8000' } = process.env
const key = Buffer.from(RABBLE_BEFORE_PUBLISH_SECRET.replace('whsec_', ''), 'base64')
const words = new RegExp(`\\b(${WORDS.split(',').join('|')})\\b`, 'gi')

function isSigned({ headers }, body) {
  const { 'webhook-id': id, 'webhook-timestamp': time } = headers
  const given = (headers['webhook-signature'] ?? '').split(' ').map((one) => Buffer.from(one))
  const expected = Buffer.from(
    `v1,${createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64')}`,
  )
  if (!(Math.abs(Date.now() / 1000 - Number(time)) < 300)) return false
  return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected))
}

function answerTo({ event }) {
  if (/https?:\/\//.test(event.text)) return { action: 'refuse', reason: 'No links here, please.' }
  const text = event.text.replace(words, (word) => '*'.repeat(word.length))
  return text === event.text ? { action: 'allow' } : { action: 'change', text }
}

const server = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString()
  if (!isSigned(request, body)) return response.writeHead(401).end()
  response.end(JSON.stringify(answerTo(JSON.parse(body))))
})
server.listen(Number(PORT), () => process.stdout.write(`listening on port ${server.address().port}\n`))
process.once('SIGTERM', () => server.close())
