import { readFileSync } from 'node:fs'
import { ChatEvent } from '@rabble/contract'
import { Compile } from '@rabble/contract/typebox'
import { signWebhook } from '@rabble/service'
import t from 'tap'
import { portionsOf } from '../../src/webhooks/portions.ts'

// Seen from dist/test/webhooks. Other programs follow this page: its example must be a request as history sends it.
const page = readFileSync(new URL('../../../../../docs/protocol/webhooks.md', import.meta.url), 'utf8')

/** Returns the part of the page that a pattern finds. */
function found(pattern: RegExp): string {
  const [, text] = pattern.exec(page) ?? []
  if (text === undefined) throw new Error(`the page has nothing like ${pattern}`)
  return text
}

t.test('docs/protocol/webhooks.md has a request as it is sent, with its signature', async (t) => {
  const body = found(/```json\n(.*)\n```/)
  const events: ChatEvent[] = JSON.parse(body).data.events
  const isChatEvent = Compile(ChatEvent)
  t.ok(events.length > 0 && events.every((event) => isChatEvent.Check(event)))
  const entries = events.map((event) => ({ event, line: Buffer.from(JSON.stringify(event)) }))
  const [portion] = portionsOf(0, { offset: null, lastId: null }, [{ offset: 0, entries }], () => true)
  const request = portion?.request
  if (request === undefined) throw new Error('unreachable')
  t.equal(String(request.body), body)
  const headers = Object.fromEntries(
    found(/```http\n(.*?)\n```/s)
      .split('\n')
      .map((line) => line.split(': ')),
  )
  const timestamp = Number(headers['webhook-timestamp'])
  t.same(headers, signWebhook({ ...request, timestamp, secret: found(/`(whsec_\w+)`:/) }))
})
