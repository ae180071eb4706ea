import type { EventLog } from '@rabble/event-log'
import { type ChatClient, checkOrder, connectChat, createRandom, until } from '@rabble/harness'
import type { HistoryClient } from '@rabble/history/client'
import t from 'tap'
import { build } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog } from '../memory-log.ts'

const recent = { perRoom: 200, totalBytes: 64 * 1024 * 1024 }

/** A log of which a new reader gets nothing old, as if all of it were more than a minute old. */
function withoutLookingBack(log: EventLog): EventLog {
  return {
    ...log,
    read: (partition, from, signal) =>
      log.read(partition, from === 'first' || 'after' in Object(from) ? from : 'next', signal),
  }
}

/** Says so much in the room, in which the client is alone in writing, and gets it back. */
async function writeMany(client: ChatClient, count: number, text: string): Promise<void> {
  for (let i = 0; i < count; i += 100) {
    const before = client.messages('general').length
    await Promise.all(Array.from({ length: 100 }, (_, n) => client.send('general', `${text} ${i + n}`)))
    await client.waitFor(() => client.messages('general').length >= before + 100, 120_000)
  }
}

function ids(...clients: ChatClient[]): string[] {
  return clients.flatMap((client) => client.messages('general').map(({ id }) => id))
}

t.test(
  'who missed 5,000 messages, 200 of them in memory, gets all of them once while more keep coming',
  async (t) => {
    const log = createMemoryLog()
    const past = await buildHistory(t, log)
    const { ws } = await build(t, { log, history: past, recent })
    const writer = await connectChat(t, ws, { name: 'Writer', timeout: 120_000 })
    await writer.join('general')
    const reader = await connectChat(t, ws, { name: 'Reader' })
    await reader.join('general')
    await writeMany(writer, 100, 'before')
    await reader.waitFor(() => reader.messages('general').length >= 100)
    await reader.close()

    await writeMany(writer, 5000, 'missed')
    const writing = writeMany(writer, 1000, 'meanwhile')
    const back = await connectChat(t, ws, { name: 'Reader', timeout: 120_000 })
    const joined = await back.join('general', { after: ids(reader).at(-1) })
    t.equal(joined.complete, true)
    t.ok(joined.events.length >= 5000)
    await writing
    await back.waitFor(() => back.messages('general').length >= 6000, 120_000)
    const report = checkOrder({ writer: ids(writer), reader: ids(reader, back) }, ids(writer))
    t.ok(report.ok, report.text)
  },
)

t.test('many clients that come back to a room at once cost history one question', async (t) => {
  const log = createMemoryLog()
  const past = await buildHistory(t, log)
  const { ws, metric } = await build(t, { log, history: past, recent })
  const writer = await connectChat(t, ws, { name: 'Writer' })
  await writer.join('general')
  await writeMany(writer, 1000, 'old')
  const all = ids(writer)
  const newest = all.at(-1) ?? ''
  await stored(past, newest)
  const clients = await Promise.all(
    Array.from({ length: 200 }, (_, n) => connectChat(t, ws, { name: `reader ${n}`, timeout: 120_000 })),
  )
  const joined = await Promise.all(clients.map((client, n) => client.join('general', { after: all[n * 2] })))
  for (const [n, { events, complete }] of joined.entries()) {
    if (complete && events.length === 999 - n * 2) continue
    t.fail(`client ${n} got ${events.length} events, complete: ${complete}`)
  }
  t.strictSame(ids(...clients.slice(0, 1)), all.slice(1))
  t.ok(
    (await metric('rabble_gateway_history_requests_total')) <= 3,
    `${await metric('rabble_gateway_history_requests_total')} questions`,
  )
})

/** Waits until history, which may still be preparing its tables, has a message. */
async function stored(past: HistoryClient, id: string, room = 'general', user?: string): Promise<void> {
  const has = async () => (await past.replay({ room, after: [id], limit: 10 }, user)).ids.length > 0
  await until(has, 120_000, `history to have ${id}`)
}

t.test(
  'a gateway that knows nothing of a quiet room resumes its clients, the first from history, the others not',
  async (t) => {
    const log = createMemoryLog()
    const past = await buildHistory(t, log)
    const one = await build(t, { log, history: past })
    const writer = await connectChat(t, one.ws, { name: 'Writer' })
    await writer.join('general')
    await writeMany(writer, 100, 'old')
    const all = ids(writer)
    await stored(past, all.at(-1) ?? '')

    const two = await build(t, {
      log: Object.assign(withoutLookingBack(log) as typeof log),
      history: past,
    })
    const first = await connectChat(t, two.ws, { name: 'First', timeout: 120_000 })
    t.match(await first.join('general', { after: all[49] }), { complete: true, events: { length: 50 } })
    const questions = await two.metric('rabble_gateway_history_requests_total')
    const second = await connectChat(t, two.ws, { name: 'Second' })
    t.match(await second.join('general', { after: all[99] }), { complete: true, events: [] })
    t.match(await second.join('general', { after: all[89] }), { complete: true, events: { length: 10 } })
    t.equal(await two.metric('rabble_gateway_history_requests_total'), questions)
    const { id } = await writer.send('general', 'live')
    for (const client of [writer, first]) await client.sees(id)
    t.strictSame(ids(first), ids(writer).slice(50))
  },
)

t.test(
  'a message that nobody knows, or a dead history, makes the answer incomplete, not late or wrong',
  async (t) => {
    const log = createMemoryLog()
    const past = await buildHistory(t, log)
    const { ws } = await build(t, { log, history: past, recent })
    const ada = await connectChat(t, ws, { name: 'Ada', timeout: 120_000 })
    await ada.join('general')
    await writeMany(ada, 300, 'text')
    await stored(past, ids(ada).at(-1) ?? '')
    t.match(await ada.join('general', { after: 'nobody-knows-it', recent: 5 }), {
      complete: false,
      events: { length: 5 },
    })

    const refuse = () => Promise.reject(new Error('no history today'))
    const dead: HistoryClient = { replay: refuse, find: refuse }
    const other = await build(t, { log, history: dead, recent })
    const bob = await connectChat(t, other.ws, { name: 'Bob' })
    t.match(await bob.join('general', { after: ids(ada)[5], recent: 5 }), {
      complete: false,
      events: { length: 5 },
    })
    await bob.send('general', 'live goes on')
    t.equal(await other.metric('rabble_gateway_history_errors_total'), 1)
  },
)

t.test('direct messages are resumed for their participants', async (t) => {
  const log = createMemoryLog()
  const past = await buildHistory(t, log)
  const { ws, tokens } = await build(t, {
    log,
    history: past,
    recent: { ...recent, perRoom: 2 },
  })
  const connect = async (id: string) =>
    connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 600), timeout: 120_000 })
  const ada = await connect('ada')
  const sent: string[] = []
  for (let i = 0; i < 10; i++) sent.push((await ada.sendTo('bob', `${i}`)).id)
  await stored(past, sent.at(-1) ?? '', 'dm:ada:bob', 'ada')
  const bob = await connect('bob')
  const joined = await bob.join('dm:ada:bob', { after: sent[0] })
  t.equal(joined.complete, true)
  t.strictSame(
    bob.messages('dm:ada:bob').map(({ text }) => text),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
  )
})

t.test(
  'whoever leaves and comes back at random, over two gateways with little memory, sees every message once',
  async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
    t.comment(`SEED=${seed}`)
    const random = createRandom(seed)
    const log = createMemoryLog()
    const past = await buildHistory(t, log)
    const tight = { perRoom: 20, totalBytes: 64 * 1024 * 1024 }
    const gateways = await Promise.all([0, 1].map(() => build(t, { log, history: past, recent: tight })))
    const url = () => gateways[Math.floor(random() * 2)]?.ws ?? ''
    const writer = await connectChat(t, url(), { name: 'Writer' })
    await writer.join('general')
    await writer.send('general', 'first')
    let writing = true
    const write = async () => {
      // History answers with 10,000 at most.
      for (let n = 0; writing && n < 2_000; n++) await writer.send('general', `message ${n}`)
    }
    const writers = Promise.all(Array.from({ length: 4 }, write))

    const readers = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const parts: ChatClient[] = []
        let last = ids(writer)[0]
        for (let round = 0; round < 6; round++) {
          const client = await connectChat(t, url(), { name: `reader ${n}`, timeout: 120_000 })
          parts.push(client)
          const { complete } = await client.join('general', { after: last })
          t.equal(complete, true)
          await new Promise((resolve) => setTimeout(resolve, random() * 100))
          if (round === 5) return parts
          await client.close()
          last = ids(client).at(-1) ?? last
          await new Promise((resolve) => setTimeout(resolve, random() * 200))
        }
        return parts
      }),
    )
    writing = false
    await writers
    const { id: end } = await writer.send('general', 'end')
    for (const client of [writer, ...readers.map((parts) => parts.at(-1))]) await client?.sees(end, 120_000)
    const [, ...written] = ids(writer)
    const streams = readers.map((parts, n) => [`reader ${n}`, ids(...parts)] as const)
    const report = checkOrder({ writer: written, ...Object.fromEntries(streams) }, written)
    t.ok(report.ok, report.text)
    t.comment(report.text)
  },
)
