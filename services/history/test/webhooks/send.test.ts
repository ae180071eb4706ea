import { createManualClock, type ManualClock } from '@rabble/clock/manual'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { createMetrics } from '../../src/index.ts'
import type { Position } from '../../src/projection/projection.ts'
import { sendPartition } from '../../src/webhooks/send.ts'
import { timeout } from '../build.ts'
import { createMemoryLog, type MemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'
import { type Receiver, startReceiver } from '../receiver.ts'

/** The table of positions, with one row. */
function createPositions(): { database: Database; row(): Position } {
  let row: Position = { offset: null, lastId: null }
  const query = async (sql: string, params: readonly unknown[] = []) => {
    if (sql.startsWith('insert')) return []
    if (sql.startsWith('select')) return [{ log_offset: row.offset, last_id: row.lastId }]
    const [, offset, lastId, toOffset, toId] = params
    if (row.offset !== offset || row.lastId !== lastId) return []
    row = { offset: toOffset as number, lastId: toId as string }
    return [{}]
  }
  return { database: { kind: 'postgres', query } as unknown as Database, row: () => row }
}

interface Sending {
  clock: ManualClock
  log: MemoryLog
  receiver: Receiver
  /** Lines of the log of the process. */
  lines: string[]
  row(): Position
  /** Returns the sum of a metric, or the value with this label. */
  metric(name: string, label?: string): Promise<number>
  /** Waits for a number of failures, and then for the pause that each begins. */
  failures(count: number): Promise<void>
  requests(count: number): Promise<void>
}

async function startSending(t: Test, { limit = 1e9 } = {}): Promise<Sending> {
  const clock = createManualClock(Date.parse('2026-11-22T10:00:10.000Z'))
  const log = createMemoryLog()
  // Requests take real time, in which the clock may pass any limit.
  const receiver = await startReceiver(t, { timeout: limit })
  const { database, row } = createPositions()
  const registry = new Registry()
  const metrics = createMetrics(registry, clock)
  const stop = new AbortController()
  const lines: string[] = []
  const note = (level: string) => (fields: object, text: string) =>
    void lines.push(`${level}: ${text} ${'err' in fields ? fields.err : ''}`)
  const logger = { info: note('info'), warn: note('warn'), error: note('error') }
  const partition = {
    partition: 0,
    clock,
    log,
    database,
    metrics,
    logger,
    problems: new Map<number, string>(),
  }
  const running = sendPartition({ ...partition, signal: stop.signal }, receiver.webhook)
  t.teardown(() => {
    stop.abort()
    return running
  })
  const metric = async (name: string, label?: string) => {
    const values = (await registry.getSingleMetric(`rabble_history_webhook_${name}`)?.get())?.values ?? []
    return values
      .filter(({ labels }) => label === undefined || labels.reason === label)
      .reduce((sum, { value }) => sum + value, 0)
  }
  const failed = async (count: number) => (await metric('failures_total')) === count && clock.pending === 1
  return {
    ...{ clock, log, receiver, lines, row, metric },
    failures: (count) => until(() => failed(count), timeout, `failure ${count}`),
    requests: (count) => until(() => receiver.received.length >= count, timeout, `request ${count}`),
  }
}

t.test('a request that is not accepted is sent again after growing pauses, before all others', async (t) => {
  const { clock, log, receiver, lines, row, metric, failures, requests } = await startSending(t)
  const statuses = [500, 404, 410, 301, 429]
  receiver.answer = (response) => {
    const status = statuses.shift() ?? 200
    response.writeHead(status, { location: '/elsewhere' }).end('an answer')
  }
  log.append(message('a'), message('b'))
  for (let count = 1; count <= 5; count++) {
    await failures(count)
    if (count === 1) log.append(message('c'))
    t.equal(await metric('lag_seconds'), (clock.now() - Date.parse('2026-11-22T10:00:00.000Z')) / 1000)
    const longest = 500 * 2 ** (count - 1)
    await clock.advance(longest / 2 - 1)
    t.equal(clock.pending, 1, 'at least half of the pause')
    await clock.advance(longest / 2 + 1)
    await requests(count + 1)
  }
  await requests(7)
  const { received } = receiver
  t.same(receiver.ids(), ['a', 'b', 'c'])
  t.equal(new Set(received.slice(0, 6).map(({ body }) => body)).size, 1)
  t.equal(new Set(received.slice(0, 6).map(({ headers }) => headers['webhook-id'])).size, 1)
  t.not(received[6]?.headers['webhook-id'], received[0]?.headers['webhook-id'])
  t.ok(Number(received[5]?.headers['webhook-timestamp']) > Number(received[0]?.headers['webhook-timestamp']))
  t.ok(
    received.every(({ path }) => path.startsWith('/hook')),
    'no redirect is followed',
  )
  await until(() => row().offset === 2, timeout, 'the position')
  t.same(row(), { offset: 2, lastId: 'c' })
  t.equal(await metric('lag_seconds'), 0)
  t.same(
    await Promise.all(['4xx', '5xx', 'redirect'].map((reason) => metric('failures_total', reason))),
    [3, 1, 1],
  )
  t.equal(await metric('events_total'), 3)
  t.equal(lines.length, 2, 'an outage takes two lines')
  t.equal(log.starts.length, 2, 'the reader of the log ended meanwhile')
  t.match(lines, [/^error: sending .* failed, retrying .*status 500/, /^info: .* works again/])
})

t.test(
  'a receiver that cannot be reached or does not answer is tried again, and its URL is not logged',
  async (t) => {
    const { clock, log, receiver, lines, metric, failures, requests } = await startSending(t, {
      limit: 15_000,
    })
    receiver.answer = () => {}
    log.append(message('a'))
    await requests(1)
    await clock.advance(15_000)
    await failures(1)
    t.equal(await metric('failures_total', 'timeout'), 1)
    await receiver.kill()
    await clock.advance(500)
    await failures(2)
    t.equal(await metric('failures_total', 'connection'), 1)
    receiver.answer = (response) => void response.writeHead(204).end()
    await receiver.restart()
    await clock.advance(1000)
    await requests(2)
    await until(() => receiver.ids().length === 1, timeout, 'the event')
    t.notMatch(lines.join('\n'), 'of-the-url')
  },
)

t.test('an answer without an end is not read to the end, and its status counts', async (t) => {
  const { log, receiver, row } = await startSending(t)
  receiver.answer = (response) => {
    response.writeHead(200)
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384))) {}
      response.once('drain', more)
    }
    more()
  }
  log.append(message('a'))
  await until(() => row().offset === 0, timeout, 'the position')
  t.same(receiver.ids(), ['a'])
})

t.test('events that the log has lost are told to the receiver', async (t) => {
  const { clock, log, receiver, lines, row, metric, failures, requests } = await startSending(t)
  log.append(message('a'))
  await until(() => row().offset === 0, timeout, 'the position')
  receiver.answer = (response) => void response.writeHead(503).end()
  log.append(message('b'))
  await failures(1)
  // While the receiver is away, retention deletes what comes meanwhile.
  log.append(message('c'))
  log.append(message('d'))
  log.forget(4)
  receiver.answer = (response) => void response.writeHead(204).end()
  await clock.advance(500)
  await requests(4)
  await until(() => row().offset === 6, timeout, 'the position')
  t.same(receiver.ids(), ['a', 'b', 'd'])
  t.same(receiver.received.at(-1)?.data.gap, { expected: 3, found: 6 })
  t.equal(await metric('gaps_total'), 1)
  t.match(lines.at(-1), /^error: the log no longer had the events/)
})
