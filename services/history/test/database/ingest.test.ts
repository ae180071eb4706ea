import { systemClock } from '@rabble/clock'
import { createManualClock } from '@rabble/clock/manual'
import { openInProcessLog } from '@rabble/event-log'
import { until } from '@rabble/harness'
import type { HistoryMetrics } from '../../src/index.ts'
import { allOf, idsOf, ingestOf, timeout, waitFor, waitForOffset } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const numbered = (count: number, prefix = 'm') => Array.from({ length: count }, (_, n) => `${prefix}${n}`)

await onBoth(async (t, databases) => {
  await t.test('messages are stored in the order of the log, over all partitions', async (t) => {
    const database = await databases.migrated(t)
    const log = await openInProcessLog({ database, partitions: 3, limits: { publishTimeout: timeout } })
    t.teardown(() => log.close())
    const { problem } = ingestOf(t, log, database)
    const rooms = ['general', 'random', 'dm:ada:bob', 'Ελλάδα', '*']
    const sent = rooms.map((room) => ({ room, ids: numbered(100, `${room}-`) }))
    await Promise.all(sent.flatMap(({ room, ids }) => ids.map((id) => log.publish(message(id, { room })))))
    await waitFor(database, 500)
    for (const { room, ids } of sent) t.same(await idsOf(database, 500, room), ids, room)
    // A partition without any message may not have started yet.
    await until(() => problem() === undefined, timeout, 'no problem')
  })

  await t.test('a message that the log holds again leaves one row, in its first place', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const { metrics } = ingestOf(t, log, database)
    log.append(message('a'), message('b'), message('a', { text: 'again' }))
    log.append(message('b', { text: 'again' }), message('c'))
    t.same(await idsOf(database, 3), ['a', 'b', 'c'])
    t.same(
      (await allOf(database)).map(({ text }) => text),
      ['text of a', 'text of b', 'text of c'],
    )
    await waitForOffset(database, 2)
    await until(async () => (await metrics.duplicates.get()).values[0]?.value === 2, timeout, 'the count')
    t.match((await metrics.rows.get()).values, [{ value: 3 }])
  })

  await t.test('a direct message that the log holds again is not the newest one', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    ingestOf(t, log, database)
    const room = 'dm:ada:bob'
    log.append(message('a', { room }), message('b', { room }))
    log.append(message('a', { room }), message('c', { room: 'dm:ada:carl' }))
    await waitForOffset(database, 2)
    const newest = await database.query(
      'select user_id, room, last_id from history.conversations join history.rooms using (room) where room <> $1 order by room, user_id',
      ['general'],
    )
    t.same(newest, [
      { user_id: 'ada', room, last_id: 'b' },
      { user_id: 'bob', room, last_id: 'b' },
      { user_id: 'ada', room: 'dm:ada:carl', last_id: 'c' },
      { user_id: 'carl', room: 'dm:ada:carl', last_id: 'c' },
    ])
  })

  await t.test('what is no message of version 1 is passed over, and the position moves on', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const { metrics } = ingestOf(t, log, database)
    log.append({ type: 'started', room: '*', id: 's1' })
    log.append({ type: 'message', room: 'general', id: 'without the rest' }, message('a'), {
      type: 'poll',
      room: 'general',
      id: 'r1',
    })
    log.append({ type: 'poll', room: 'general', id: 'p1' })
    await waitForOffset(database, 4)
    t.same(await idsOf(database, 1), ['a'])
    await until(async () => (await metrics.skipped.get()).values[0]?.value === 3, timeout, 'the count')
  })

  await t.test('a restart goes on at the position, and misses nothing', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const first = ingestOf(t, log, database)
    log.append(message('a'))
    log.append(message('b'))
    await waitForOffset(database, 2)
    await first.close()
    t.same(log.starts[0], { partition: 0, from: 'first' })
    const before = log.starts.length
    log.append(message('c'))
    ingestOf(t, log, database)
    t.same(await idsOf(database, 3), ['a', 'b', 'c'])
    // The batch at the position is read again, as a proof that it is still the same log.
    t.same(log.starts[before], { partition: 0, from: { after: 1 } })
  })

  await t.test('a log that starts over is read from its start', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const first = ingestOf(t, log, database)
    for (const id of ['a', 'b', 'c']) log.append(message(id))
    await waitForOffset(database, 4)
    await first.close()
    log.startOver()
    log.append(message('d'))
    ingestOf(t, log, database)
    t.same(await idsOf(database, 4), ['a', 'b', 'c', 'd'])
    await waitForOffset(database, 0)
  })

  await t.test('two replicas that ingest at once write everything once', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const replicas = [ingestOf(t, log, database), ingestOf(t, log, database)]
    const ids = numbered(500)
    for (const id of ids) {
      log.append(message(id))
      if (id.endsWith('7')) await new Promise((resolve) => setImmediate(resolve))
    }
    t.same(await idsOf(database, 500), ids)
    const total = async () => {
      const counts = await Promise.all(replicas.map(async ({ metrics }) => metrics.rows.get()))
      return counts.reduce((sum, { values }) => sum + (values[0]?.value ?? 0), 0)
    }
    // Rows are visible before the writer learns of its commit and counts them.
    await until(async () => (await total()) >= 500, timeout, 'the count')
    t.equal(await total(), 500)
  })

  await t.test(
    'a position that somebody else moved back, as from a backup, is where it goes on',
    async (t) => {
      const database = await databases.migrated(t)
      const log = createMemoryLog()
      ingestOf(t, log, database)
      for (const id of ['a', 'b', 'c']) log.append(message(id))
      await waitForOffset(database, 4)
      await database.query(
        "delete from history.messages where id <> 'a'; update history.positions set log_offset = 0, last_id = 'a'",
      )
      log.append(message('d'))
      t.same(await idsOf(database, 4), ['a', 'b', 'c', 'd'])
      await waitForOffset(database, 6)
    },
  )

  await t.test('a busy log is stored in few steps, and a quiet one at once', async (t) => {
    const database = await databases.migrated(t)
    const clock = createManualClock()
    const log = await openInProcessLog({ database, clock, limits: { publishTimeout: 3_600_000 } })
    t.teardown(() => log.close())
    const { metrics } = ingestOf(t, log, database, { clock })
    const publish = (ids: string[]) => Promise.all(ids.map((id) => log.publish(message(id))))
    await publish(['first'])
    await waitFor(database, 1)
    await publish(numbered(400))
    await waitFor(database, 401)
    const before = await stepsOf(metrics)
    for (const id of ['a', 'b', 'c']) {
      await publish([id])
      // Real time, in which each would be stored alone if history did not collect: that takes the database, not the clock.
      await systemClock.sleep(20)
    }
    await clock.advance(400)
    await waitFor(database, 404)
    await until(async () => (await stepsOf(metrics)).sum === 404, timeout, 'the count')
    t.equal((await stepsOf(metrics)).count, before.count + 1, 'three events, one transaction')

    await clock.advance(10_000)
    await publish(['last'])
    await waitFor(database, 405)
    await publish(['very last'])
    await waitFor(database, 406)
  })

  await t.test('a step holds no more than it may, and many small batches share one', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    for (const id of numbered(250)) log.append(message(id))
    const { metrics } = ingestOf(t, log, database, { limits: { events: 100, bytes: 2 ** 20 } })
    await waitFor(database, 250)
    await waitForOffset(database, 498)
    await until(async () => (await stepsOf(metrics)).count > 2, timeout, 'the last count')
    t.same(await stepsOf(metrics), { count: 3, sum: 250 })
  })
})

/** Returns the number of transactions that wrote messages, and that of their events. */
async function stepsOf({ stepEvents }: HistoryMetrics): Promise<{ count: number; sum: number }> {
  const values: { metricName?: string; value: number }[] = (await stepEvents.get()).values
  const value = (suffix: string) => values.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? 0
  return { count: value('_count'), sum: value('_sum') }
}
