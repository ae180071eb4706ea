import type { Database } from '@rabble/database'
import { openInProcessLog } from '@rabble/event-log'
import { until } from '@rabble/harness'
import { project, readPosition } from '../../src/projection/projection.ts'
import { build, idsOf, ingestOf, timeout, waitFor, waitForOffset } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const gapsOf = (database: Database) =>
  database.query('select partition, sequence, expected, found from history.gaps order by sequence', [])

await onBoth(async (t, databases) => {
  /** Returns a history that has read a, b and c, at offsets 0, 2 and 4, and was closed. */
  async function behind(t: Parameters<typeof databases.migrated>[0]) {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const ingest = ingestOf(t, log, database)
    for (const id of ['a', 'b', 'c']) log.append(message(id))
    await waitForOffset(database, 4)
    await ingest.close()
    return { database, log }
  }

  await t.test('retention has passed the position: recorded, told once, and it goes on', async (t) => {
    const { database, log } = await behind(t)
    for (const id of ['d', 'e', 'f']) log.append(message(id))
    log.forget(8)
    const errors: object[] = []
    const logger = { info() {}, warn() {}, error: (fields: object) => errors.push(fields) }
    const { metrics } = ingestOf(t, log, database, { logger })
    t.same(await idsOf(database, 4), ['a', 'b', 'c', 'f'])
    t.same(await gapsOf(database), [{ partition: 0, sequence: 3, expected: 5, found: 10 }])
    log.append(message('g'))
    await waitFor(database, 5)
    t.same(errors, [{ partition: 0, expected: 5, found: 10 }])
    t.equal((await metrics.gaps.get()).values[0]?.value, 1)
    t.match((await metrics.recordedGaps.get()).values, [{ labels: { partition: 0 }, value: 1 }])
  })

  await t.test('retention has taken the position, but nothing behind it: no gap', async (t) => {
    const database = await databases.migrated(t)
    const first = await openInProcessLog({ database })
    const ingest = ingestOf(t, first, database)
    for (const id of ['a', 'b', 'c']) await first.publish(message(id))
    await waitForOffset(database, 2)
    await ingest.close()
    await first.publish(message('d'))
    await first.close()
    await database.query('delete from rabble_log where "offset" <= 2')
    const second = await openInProcessLog({ database })
    t.teardown(() => second.close())
    ingestOf(t, second, database)
    t.same(await idsOf(database, 4), ['a', 'b', 'c', 'd'])
    t.same(await gapsOf(database), [])
  })

  await t.test('the log was lost and is shorter now: read from its beginning', async (t) => {
    const { database, log } = await behind(t)
    log.startOver()
    log.append(message('d'))
    const { metrics } = ingestOf(t, log, database)
    t.same(await idsOf(database, 4), ['a', 'b', 'c', 'd'])
    t.same(await gapsOf(database), [{ partition: 0, sequence: 3, expected: 5, found: 0 }])
    log.append(message('e'))
    t.same(await idsOf(database, 5), ['a', 'b', 'c', 'd', 'e'])
    await until(async () => (await metrics.gaps.get()).values[0]?.value === 1, timeout, 'the count')
  })

  await t.test('the log was lost and the new one is longer: known by what stands there', async (t) => {
    const { database, log } = await behind(t)
    log.startOver()
    const ids = ['d', 'c', 'e', 'f', 'g']
    for (const id of ids) log.append(message(id))
    ingestOf(t, log, database)
    t.same(await idsOf(database, 7), ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    t.same(await gapsOf(database), [{ partition: 0, sequence: 3, expected: 5, found: 0 }])
  })

  await t.test('offsets go back while it reads: what comes then is stored, behind a gap', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const { metrics } = ingestOf(t, log, database)
    for (const id of ['a', 'b', 'c']) log.append(message(id))
    await waitForOffset(database, 4)
    log.loseCount()
    for (const id of ['d', 'e']) log.append(message(id))
    t.same(await idsOf(database, 5), ['a', 'b', 'c', 'd', 'e'])
    t.same(await gapsOf(database), [{ partition: 0, sequence: 3, expected: 5, found: 0 }])
    await until(async () => (await metrics.gaps.get()).values[0]?.value === 1, timeout, 'the count')
  })

  await t.test('offsets have gone back when it starts again: it stores all of both counts', async (t) => {
    const { database, log } = await behind(t)
    log.append(message('d'))
    log.loseCount()
    for (const id of ['e', 'f']) log.append(message(id))
    const first = ingestOf(t, log, database)
    t.same(await idsOf(database, 6), ['a', 'b', 'c', 'd', 'e', 'f'])
    await waitForOffset(database, 2)
    await first.close()
    log.append(message('g'))
    ingestOf(t, log, database)
    t.same(await idsOf(database, 7), ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    t.same(await gapsOf(database), [
      { partition: 0, sequence: 3, expected: 5, found: 0 },
      { partition: 0, sequence: 7, expected: 7, found: 0 },
    ])
  })

  await t.test('the log is lost twice with nothing in between: one gap', async (t) => {
    const { database, log } = await behind(t)
    log.startOver()
    log.append({ type: 'started', room: '*', id: 's1' })
    const ingest = ingestOf(t, log, database)
    await waitForOffset(database, 0)
    await ingest.close()
    log.startOver()
    for (const id of ['s2', 's3']) log.append({ type: 'started', room: '*', id })
    ingestOf(t, log, database)
    await waitForOffset(database, 2)
    t.same(await gapsOf(database), [{ partition: 0, sequence: 3, expected: 5, found: 0 }])
  })

  await t.test('a position without an id, of an older version, is believed', async (t) => {
    const { database, log } = await behind(t)
    await database.query('update history.positions set last_id = null')
    log.append(message('d'))
    ingestOf(t, log, database)
    t.same(await idsOf(database, 4), ['a', 'b', 'c', 'd'])
    t.same(await gapsOf(database), [])
  })

  await t.test(
    'a step of a log that was lost is not written over the new one at the same offset',
    async (t) => {
      const { database } = await behind(t)
      const step = {
        partition: 0,
        from: 4,
        to: 6,
        entries: [{ event: message('x'), line: Buffer.from('') }],
      }
      t.equal(await project(database, { ...step, fromId: 'of another log', toId: 'x' }), undefined)
      t.same(await idsOf(database, 3), ['a', 'b', 'c'])
      t.match(await project(database, { ...step, fromId: 'c', toId: 'x' }), { messages: 1 })
      t.same(await readPosition(database, 0), { offset: 6, lastId: 'x' })
    },
  )

  await t.test('readiness tells of gaps, and stays ready', async (t) => {
    const { database, log } = await behind(t)
    const app = build(t, { log, database })
    await app.ready()
    // If the database is slow, the answer reports that instead.
    const answers = (wanted: (gaps: string | undefined) => boolean, what: string) =>
      until(
        async () => {
          const reply = await app.inject('/readyz')
          const { status, notes } = reply.json<{ status: string; notes?: { gaps?: string } }>()
          return reply.statusCode === 200 && status === 'ok' && wanted(notes?.gaps)
        },
        timeout,
        what,
      )
    await answers((gaps) => gaps === undefined, 'history to be ready')
    await database.query('insert into history.gaps values (0, 3, 5, 10)')
    await answers((gaps) => /^messages may be missing at 1 places/.test(gaps ?? ''), 'the note')
  })
})
