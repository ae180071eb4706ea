import { setTimeout as delay } from 'node:timers/promises'
import { connectPostgres, migrate } from '@rabble/database'
import { longTimeouts } from '@rabble/database/testing'
import { connectRabbitMqLog, type EventLog, type Retention } from '@rabble/event-log'
import { inForm, sharedPostgres, sharedRabbitMq, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { idsOf, ingestOf, timeout, waitFor } from '../build.ts'
import { migrations } from '../databases.ts'
import { message } from '../message.ts'

const broker = await sharedRabbitMq(t)

async function openLog(t: Test, prefix: string, retention: Partial<Retention> = {}): Promise<EventLog> {
  const log = await connectRabbitMqLog({
    url: broker.url,
    prefix,
    retention,
    limits: { publishTimeout: timeout },
  })
  t.teardown(() => log.close())
  await until(() => log.status().connected, timeout, 'the log')
  return log
}

const server = await sharedPostgres(t)
const database = await connectPostgres(await server.createDatabase(), longTimeouts)
t.teardown(() => database.close())

/** Empties the database, which the tests share one after the other. */
async function reset(): Promise<void> {
  await database.query('drop schema if exists history cascade; drop table if exists rabble_migrations')
  await migrate(database, 'history', migrations)
}

async function publish(log: EventLog, ids: string[], text = 'hi'): Promise<void> {
  for (const id of ids) await log.publish(message(id, { text }))
}

/** Waits until the broker, which drops segments gradually, drops no more. */
async function retentionIsDone(log: EventLog): Promise<void> {
  let before = 0
  await until(
    async () => {
      const first = await firstOffset(log)
      const rests = first > 3 && first === before
      before = first
      // Real time, which is RabbitMQ's.
      if (!rests) await delay(500)
      return rests
    },
    timeout,
    'the oldest to be dropped',
  )
}

async function firstOffset(log: EventLog): Promise<number> {
  const stop = new AbortController()
  try {
    for await (const [batch] of log.read(0, 'first', stop.signal))
      if (batch !== undefined) return batch.offset
    return -1
  } finally {
    stop.abort()
  }
}

const gapsOf = () =>
  database.query<{ sequence: number; expected: number; found: number }>(
    'select sequence, expected, found from history.gaps',
    [],
  )

t.test('RabbitMQ’s retention has passed the position', async (t) => {
  const log = await openLog(t, 'retention', { maxBytes: 500_000, segmentBytes: 100_000 })
  await reset()
  const ingest = ingestOf(t, log, database)
  await publish(log, ['a', 'b', 'c'])
  await waitFor(database, 3)
  await ingest.close()
  const ids = Array.from({ length: 40 }, (_, n) => `m${n}`)
  await publish(log, ids, 'x'.repeat(50_000))
  await retentionIsDone(log)
  ingestOf(t, log, database)
  await until(async () => (await idsOf(database, 4)).includes('m39'), timeout, 'the newest')
  const stored = await idsOf(database, 4)
  const left = stored.slice(3)
  t.same(left, ids.slice(-left.length), 'what the log still has, in order')
  t.ok(left.length < 40, `${40 - left.length} are gone`)
  const [gap, ...others] = await gapsOf()
  t.match(gap, { sequence: 3, expected: 3 })
  t.ok((gap?.found ?? 0) > 3)
  t.same(others, [])
})

// The prefix decides which log history reads. Another prefix stands for a new log after the loss of the first.
for (const [what, count] of [
  ['is empty at first', 0],
  ['is shorter', 2],
  ['has grown past the position', 9],
] as const) {
  t.test(`the broker has lost its data, and the new log ${what}`, async (t) => {
    const lost = await openLog(t, `lost-${count}`)
    await reset()
    const ingest = ingestOf(t, lost, database)
    await publish(lost, ['a', 'b', 'c', 'd', 'e'])
    await waitFor(database, 5)
    await ingest.close()
    const anew = await openLog(t, `anew-${count}`)
    const ids = Array.from({ length: 10 }, (_, n) => `m${n}`)
    await publish(anew, ids.slice(0, count))
    const { metrics } = ingestOf(t, anew, database)
    const leads = async () => (await metrics.leader.get()).values[0]?.value === 1
    await until(leads, timeout, 'it to read')
    // Time for the reader to look for its place. Real time: the log's reader does not report its place.
    await delay(500)
    await publish(anew, ids.slice(count))
    t.same(await idsOf(database, 15), ['a', 'b', 'c', 'd', 'e', ...ids])
    t.same(await gapsOf(), [{ sequence: 5, expected: 5, found: 0 }])
  })
}

t.test('a restart at the very end of the log, over many segments, is no gap', async (t) => {
  const log = await openLog(t, 'rolling', { segmentBytes: 100_000 })
  await reset()
  const ids: string[] = []
  for (let round = 0; round < inForm(8, 12); round++) {
    const ingest = ingestOf(t, log, database)
    ids.push(`m${round}`)
    await publish(log, ids.slice(-1), 'x'.repeat(30_000))
    await waitFor(database, ids.length)
    await ingest.close()
  }
  t.same(await idsOf(database, ids.length), ids)
  t.same(await gapsOf(), [])
})
