import type { EventLog } from '@rabble/event-log'
import { connectChat, until } from '@rabble/harness'
import type { HistoryClient } from '@rabble/history/client'
import t from 'tap'
import { build } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { comeBackOverGap } from '../gap.ts'
import { createMemoryLog } from '../memory-log.ts'
import { comeAndGoForChanges, comeAndGoForMessages, fill, ids, missMany } from '../resuming.ts'

// All tests share these and use rooms of their own, since opening a database takes seconds.
const log = createMemoryLog()
const history = await buildHistory(t, log)
const sources = { log, history }
const recent = { perRoom: 50, totalBytes: 64 * 1024 * 1024 }
const form = { events: 200, readers: 4, rounds: 3 }

/** Returns a log from which a new reader gets no old events, as if all of them were more than a minute old. */
function withoutLookingBack(log: EventLog): EventLog {
  return {
    ...log,
    read: (partition, from, signal) =>
      log.read(partition, from === 'first' || 'after' in Object(from) ? from : 'next', signal),
  }
}

/** Waits until history, which may still be preparing its tables, has a message. */
async function stored(room: string, id: string, user?: string): Promise<void> {
  const has = async () => (await history.replay({ room, after: [id], limit: 10 }, user)).ids.length > 0
  await until(has, 120_000, `history to have ${id}`)
}

t.test('who missed 1,000 messages, 50 of them in memory, gets all of them once while more keep coming', (t) =>
  missMany(t, sources, 1_000, 50),
)

t.test('many clients that come back to a room at once cost history one question', async (t) => {
  const room = 'many'
  const { ws, metric } = await build(t, { ...sources, recent })
  const all = await fill(sources, room, 300)
  await stored(room, all.at(-1) ?? '')
  const clients = await Promise.all(
    Array.from({ length: 50 }, (_, n) => connectChat(t, ws, { name: `reader ${n}`, timeout: 120_000 })),
  )
  const joined = await Promise.all(clients.map((client, n) => client.join(room, { after: all[n * 2] ?? '' })))
  t.strictSame(
    joined.map(({ events, complete }) => [events.length, complete]),
    joined.map((_, n) => [299 - n * 2, true]),
  )
  t.strictSame(ids(room, ...clients.slice(0, 1)), all.slice(1))
  const questions = await metric('rabble_gateway_history_requests_total')
  t.ok(questions <= 3, `${questions} questions`)
})

t.test(
  'a gateway that knows nothing of a quiet room resumes its clients, the first from history, the others not',
  async (t) => {
    const room = 'quiet'
    const all = await fill(sources, room, 100)
    await stored(room, all.at(-1) ?? '')
    const { ws, metric } = await build(t, {
      history,
      log: Object.assign(withoutLookingBack(log) as typeof log),
    })
    const first = await connectChat(t, ws, { name: 'First', timeout: 120_000 })
    t.match(await first.join(room, { after: all[49] ?? '' }), { complete: true, events: { length: 50 } })
    const questions = await metric('rabble_gateway_history_requests_total')
    const second = await connectChat(t, ws, { name: 'Second' })
    t.match(await second.join(room, { after: all[99] ?? '' }), { complete: true, events: [] })
    t.match(await second.join(room, { after: all[89] ?? '' }), { complete: true, events: { length: 10 } })
    t.equal(await metric('rabble_gateway_history_requests_total'), questions)
    const live = await fill(sources, room, 1)
    await first.sees(live[0] ?? '')
    t.strictSame(ids(room, first), [...all.slice(50), ...live])
  },
)

t.test(
  'a message that nobody knows, or a dead history, makes the answer incomplete, not late or wrong',
  async (t) => {
    const room = 'dead'
    const { ws } = await build(t, { ...sources, recent })
    const all = await fill(sources, room, 100)
    await stored(room, all.at(-1) ?? '')
    const ada = await connectChat(t, ws, { name: 'Ada', timeout: 120_000 })
    const newest = { complete: false, events: { length: 5 } }
    t.match(await ada.join(room, { after: 'nobody-knows-it', recent: 5 }), newest)

    const refuse = () => Promise.reject(new Error('no history today'))
    const dead: HistoryClient = {
      replay: refuse,
      find: refuse,
      known: refuse,
      directRooms: refuse,
      reaction: refuse,
      conversations: refuse,
      conversationStates: refuse,
      receipts: refuse,
      contacts: refuse,
    }
    const other = await build(t, { log, history: dead, recent })
    const bob = await connectChat(t, other.ws, { name: 'Bob' })
    t.match(await bob.join(room, { after: all[5] ?? '', recent: 5 }), newest)
    await bob.send(room, 'live goes on')
    t.equal(await other.metric('rabble_gateway_history_errors_total'), 1)
  },
)

t.test(
  'a message that is sent again over a gateway that never read it is told once, in its old place',
  async (t) => {
    const room = 'repeated'
    const { ws } = await build(t, { ...sources, recent })
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join(room)
    const said: string[] = []
    for (const cid of ['K', 'X', 'Y', 'Z']) said.push((await ada.send(room, cid, { cid })).id)
    await ada.sees(said.at(-1) ?? '')
    const [k = '', x = '', ...rest] = said
    await stored(room, said.at(-1) ?? '')

    const later = await build(t, {
      history,
      recent,
      log: Object.assign(withoutLookingBack(log) as typeof log),
    })
    const back = await connectChat(t, later.ws, { name: 'Ada', timeout: 120_000 })
    await back.join(room)
    t.equal((await back.send(room, 'X', { cid: 'X' })).id, x)
    // The event is written into the log a second time. As this gateway did not look back, it has to be older than that.
    const at = '2026-11-22T10:00:00.000Z'
    log.inject(JSON.stringify({ ...ada.messages(room)[1], at }))
    const { id: last } = await back.send(room, 'the last one')
    await back.sees(last)
    const resume = async (after: string) => {
      const client = await connectChat(t, later.ws, { name: 'Bob', timeout: 120_000 })
      const { events, complete } = await client.join(room, { after })
      return { complete, ids: events.map(({ id }) => id) }
    }
    t.strictSame(await resume(k), { complete: true, ids: [x, ...rest, last] })
    t.strictSame(await resume(x), { complete: true, ids: [...rest, last] })
    t.strictSame(await resume(''), { complete: true, ids: [...said, last] })
  },
)

t.test('a user learns of what was said to it before the gateway began to read', async (t) => {
  const { ws, tokens } = await build(t, { ...sources, recent })
  const connect = async (to: string, id: string) =>
    connectChat(t, to, { token: await tokens.sign({ id, name: id }, 600), timeout: 120_000 })
  const { id } = await (await connect(ws, 'cleo')).sendTo('dora', 'hello, we have not met')
  const later = await build(t, { history, recent, log: Object.assign(withoutLookingBack(log) as typeof log) })
  const dora = await connect(later.ws, 'dora')
  const { conversations } = await dora.request({ type: 'conversations' })
  t.strictSame(conversations, [{ room: 'dm:cleo:dora', last: id }])
})

t.test('direct messages are resumed for their participants', async (t) => {
  const { ws, tokens } = await build(t, { ...sources, recent: { ...recent, perRoom: 2 } })
  const connect = async (id: string) =>
    connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 600), timeout: 120_000 })
  const ada = await connect('ada')
  const sent: string[] = []
  for (let i = 0; i < 10; i++) sent.push((await ada.sendTo('bob', `${i}`)).id)
  await stored('dm:ada:bob', sent.at(-1) ?? '', 'ada')
  const bob = await connect('bob')
  const joined = await bob.join('dm:ada:bob', { after: sent[0] ?? '' })
  t.equal(joined.complete, true)
  t.strictSame(
    bob.messages('dm:ada:bob').map(({ text }) => text),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
  )
})

t.test(
  'whoever leaves and comes back at random, over two gateways with little memory, sees every message once',
  (t) => comeAndGoForMessages(t, sources, form),
)

t.test('and where messages are changed, shows what who stayed shows', (t) =>
  comeAndGoForChanges(t, sources, form),
)

t.test('who comes back over a gap gets it from history', (t) => comeBackOverGap(t, log, history))
