import type { ChatEvent } from '@rabble/contract'
import type { LogBatch } from '@rabble/event-log'
import t from 'tap'
import { type Portion, portionsOf } from '../../src/webhooks/portions.ts'
import { isSent, type WebhookEvents } from '../../src/webhooks/webhook.ts'
import { message } from '../message.ts'

const start = { offset: 4, lastId: 'x' }

function batch(offset: number, ...events: ChatEvent[]): LogBatch {
  return { offset, entries: events.map((event) => ({ event, line: Buffer.from(JSON.stringify(event)) })) }
}

function divide(batches: LogBatch[], events = 500, bytes = 100_000): Portion[] {
  const rooms = { events: new Set<WebhookEvents>(['rooms']) }
  return [...portionsOf(0, start, batches, (room) => isSent(rooms, room), { events, bytes })]
}

const idsIn = ({ request }: Portion) =>
  request === undefined
    ? undefined
    : JSON.parse(String(request.body))
        .data.events.map(({ id }: ChatEvent) => id)
        .join('')

t.test(
  'a request has the lines of the log as they are, also those with fields that nobody knows',
  async (t) => {
    const line = '{"type":"message", "room":"general","id":"ä","x":1e400,"at":"2026-11-22T10:00:00.000Z"}'
    const entries = [{ event: message('ä'), line: Buffer.from(line) }]
    const [portion] = divide([{ offset: 6, entries }])
    t.equal(String(portion?.request?.body), `{"type":"events","data":{"partition":0,"events":[${line}]}}`)
  },
)

t.test('requests are bounded, and the position moves only behind whole batches of the log', async (t) => {
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((id) => message(id))
  if (!a || !b || !c || !d || !e) throw new Error('unreachable')
  const batches = [batch(6, a, b), batch(8, c, d, e)]
  const [six, eight] = [
    { offset: 6, lastId: 'b' },
    { offset: 8, lastId: 'e' },
  ]
  const places = (portions: Portion[]) => portions.map((portion) => [idsIn(portion), portion.to])
  t.same(places(divide(batches)), [['abcde', eight]])
  t.same(places(divide(batches, 3)), [
    ['abc', six],
    ['de', eight],
  ])
  t.same(places(divide(batches, 1)).slice(0, 3), [
    ['a', start],
    ['b', six],
    ['c', six],
  ])
  const { length } = JSON.stringify(a)
  t.same(divide(batches, 500, 2 * length).map(idsIn), ['ab', 'cd', 'e'])
  t.same(divide(batches, 500, 1).map(idsIn), ['a', 'b', 'c', 'd', 'e'], 'a larger event goes alone')
})

t.test('an id stands for the content: another division of the same events has other ids', async (t) => {
  const ids = (batches: LogBatch[]) => divide(batches).map(({ request }) => request?.id)
  const [one, again, more] = [
    ids([batch(6, message('a'))]),
    ids([batch(6, message('a'))]),
    ids([batch(6, message('a'), message('b'))]),
  ]
  t.same(one, again)
  t.notSame(one, more)
  t.match(one[0], /^[\w-]{22}$/)
})

t.test('a webhook gets the events of rooms only, if no others were asked for', async (t) => {
  const rooms = ['general', 'dm:ada:bob', 'user:ada', '*', 'dm:', 'gateways:0']
  const sent = (...events: WebhookEvents[]) =>
    rooms.filter((room) => isSent({ events: new Set(events) }, room))
  t.same(sent('rooms'), ['general'])
  t.same(sent('direct'), ['dm:ada:bob'])
  t.same(sent('notices'), ['user:ada', '*'])
  const portions = divide([batch(6, message('a', { room: 'dm:ada:bob' }))])
  t.same(
    portions,
    [{ request: undefined, to: { offset: 6, lastId: 'a' } }],
    'the position moves past the others',
  )
})

t.test(
  'a gap is told in the first request behind it, and if nothing follows it in a request of its own',
  async (t) => {
    const gap = { expected: 7 }
    const after = (...events: ChatEvent[]) => [batch(6, message('a')), { ...batch(9, ...events), gap }]
    const portions = divide(after(message('b')))
    t.same(portions.map(idsIn), ['a', 'b'])
    t.same(
      portions.map(({ request }) => request?.gap),
      [undefined, { expected: 7, found: 9 }],
    )
    t.match(String(portions[1]?.request?.body), '"gap":{"expected":7,"found":9}')
    t.same(divide(after(message('c', { room: 'dm:ada:bob' }))).map(idsIn), ['a', ''])
  },
)
