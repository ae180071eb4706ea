import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import { createWorkHealth, type Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { Registry } from 'prom-client'
import { createMetrics } from '../../src/index.ts'
import { indexStep, startIndexing } from '../../src/jobs/indexing.ts'
import { search } from '../../src/search/search.ts'
import { logger } from '../build.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { at, idsFound } from '../found.ts'
import { message } from '../message.ts'
import { index, write } from '../write.ts'

/** Lets a test's transaction wait for others for longer than the server allows for those of services. */
const idleForLong = 'set local idle_in_transaction_session_timeout = 0'

await onBoth(async (t, databases) => {
  await t.test('a text that is changed or deleted is not found any more, and the new one is', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, [message('a', { text: 'first' }), message('b', { text: 'first' })])
    await index(database)
    await database.query("update history.messages set text = 'second' where id = 'a'")
    await database.query("delete from history.messages where id = 'b'")
    t.same(await idsFound(database, 'first'), [], 'at once')
    await index(database)
    t.same(await idsFound(database, 'second'), ['a'])
    t.same(await idsFound(database, 'first'), [])
    // Deleted between being written and being indexed.
    await write(database, 0, [message('c', { text: 'third' }), message('d', { text: 'third' })])
    await database.query("delete from history.messages where id = 'd'")
    await database.query("update history.messages set text = 'fourth' where id = 'c'")
    await index(database)
    t.same(await idsFound(database, 'third'), [])
    t.same(await idsFound(database, 'fourth'), ['c'])
    const left = await database.query(
      'select (select count(*) from history.search) as entries, (select count(*) from history.search_stale) as stale',
    )
    t.same(left, [{ entries: 2, stale: 0 }])
  })

  await t.test('an edit is found by its words, and what was edited away or deleted is not', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, [
      message('a', { text: 'first', at: at(0) }),
      message('b', { text: 'first', at: at(1) }),
      message('c', { text: 'first', at: at(2) }),
    ])
    await index(database)
    await write(database, 0, [edit('e', 'a', { text: 'second' }), deletion('d', 'b')])
    t.same(await idsFound(database, 'first'), ['c'], 'at once')
    await index(database)
    t.same(await idsFound(database, 'first'), ['c'])
    t.same(await idsFound(database, 'second'), ['a'])
    const { results } = await search(database, {
      q: 'second',
      scope: { room: 'general' },
      sort: 'rank',
      limit: 1,
    })
    t.match(JSON.parse(results[0]?.line ?? ''), { id: 'a', text: 'second', edited: { by: { id: 'ada' } } })
    t.same(results[0]?.snippet, [{ text: 'second', match: true }])
  })

  await t.test('a partition whose newest events are changes is indexed, and stays so', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, [message('a', { text: 'first' }), edit('e', 'a', { text: 'second' })])
    t.equal(await index(database), 2, 'the message, and once more because it was changed')
    await write(database, 0, [edit('unknown', 'nothing')])
    t.equal(await indexStep(database, 500), 0)
    const behind = await database.query(
      'select from history.positions join history.search_positions as indexed using (partition) where indexed.sequence < positions.sequence',
    )
    t.same(behind, [], 'nothing is left to look at')
    t.same(await idsFound(database, 'second'), ['a'])
  })

  await t.test('a busy log is indexed in rare steps, but not for ever', async (t) => {
    const database = await databases.migrated(t)
    const clock = createManualClock()
    const limit = 310
    const metrics = createMetrics(new Registry(), clock)
    const health = createWorkHealth(clock)
    const indexing = startIndexing({
      clock,
      database,
      metrics,
      logger,
      health,
      migrated: () => true,
      limit,
    })
    t.teardown(() => indexing.close())
    let written = 0
    const writeSome = (count: number) => {
      const ids = Array.from({ length: count }, () => `m${written++}`)
      return write(
        database,
        0,
        ids.map((id) => message(id)),
      )
    }
    const indexed = async () =>
      (await database.query<{ count: number }>('select count(*) from history.search', []))[0]?.count
    /** Waits until indexing does nothing but wait for its time. */
    const resting = () => until(() => clock.pending > 0, 60_000, 'it to rest')

    await resting()
    await writeSome(300)
    await clock.advance(500)
    await resting()
    t.equal(await indexed(), 300)
    await writeSome(300)
    await clock.advance(1_500)
    t.equal(await indexed(), 300, 'it waits while the log is busy')
    await clock.advance(500)
    await resting()
    t.equal(await indexed(), 600)
    await clock.advance(2_000)
    await resting()
    await writeSome(1)
    await clock.advance(500)
    await resting()
    t.equal(await indexed(), 601, 'soon, after a while without events')

    await clock.advance(0)
    await resting()

    // More than it takes in a step, again and again.
    for (let step = 1; step <= 20; step++) {
      await writeSome(2 * limit)
      await clock.advance(step === 1 ? 500 : 2_000)
      await resting()
      t.equal(await indexed(), 601 + step * limit)
    }
    const unindexed = async () => (await metrics.unindexed.get()).values[0]?.value ?? 0
    for (let time = 40_000; time <= 60_000; time += 2_000) {
      if (time === 54_000) t.ok((await unindexed()) > 10 * limit, 'it is far behind')
      await writeSome(250)
      await clock.advance(2_000)
      await resting()
    }
    // For more than a minute now, and the log stays busy.
    for (let step = 0; step < 40; step++) {
      await writeSome(5)
      await clock.advance(20)
      await resting()
    }
    t.ok((await unindexed()) < limit, 'it has caught up, within a second')
  })

  if (databases.kind === 'pglite') return
  await t.test('a change while its message is being indexed is not lost', async (t) => {
    const database = await databases.migrated(t)
    // The row of the position exists, so that nobody has to wait for its creation.
    await write(database, 0, [message('c', { text: 'other' })])
    await index(database)
    await write(database, 0, [message('a', { text: 'first' }), message('b', { text: 'first' })])
    let change: Promise<unknown> | undefined
    let other: Promise<unknown> | undefined
    const between: Database = {
      ...database,
      transaction: (work, options) =>
        database.transaction(
          (query) =>
            work(async (sql, params) => {
              const rows = await query(sql, params)
              // The text is changed after it was read. The entries are there before the other replica learns of the change.
              if (sql.startsWith('insert into history.search (')) {
                await query(idleForLong, [])
                change ??= (async () => {
                  await database.query("update history.messages set text = 'second' where id = 'a'")
                  await database.query("delete from history.messages where id = 'b'")
                })()
                await change
                // Another replica learns of the change before these entries are there.
                other ??= index(database)
                await doneOrWaiting(database, other)
              }
              return rows as never
            }),
          options,
        ),
    }
    t.equal(await indexStep(between, 10), 2)
    await other
    await index(database)
    t.same(await idsFound(database, 'first'), [])
    t.same(await idsFound(database, 'second'), ['a'])
    t.same(await database.query('select count(*) from history.search'), [{ count: 2 }])
  })

  await t.test('a change that comes while an older one is being indexed waits for that', async (t) => {
    const database = await databases.migrated(t)
    // Changed before it is indexed: it has an entry, and must be indexed again.
    await write(database, 0, [message('a', { text: 'first' }), edit('e1', 'a', { text: 'second' })])
    let change: Promise<unknown> | undefined
    const between: Database = {
      ...database,
      transaction: (work, options) =>
        database.transaction(
          (query) =>
            work(async (sql, params) => {
              const rows = await query(sql, params)
              if (sql.startsWith('delete from history.search_stale')) {
                await query(idleForLong, [])
                change = write(database, 0, [edit('e2', 'a', { text: 'third' })])
                await doneOrWaiting(database, change)
              }
              return rows as never
            }),
          options,
        ),
    }
    await indexStep(between, 10)
    t.match(await change, { changes: { edit: 1 } }, 'neither is given up for a deadlock')
    await index(database)
    t.same(await idsFound(database, 'second'), [])
    t.same(await idsFound(database, 'third'), ['a'])
  })

  await t.test('one that finds another at work does not take the index for complete', async (t) => {
    const database = await databases.migrated(t)
    const clock = createManualClock()
    const limit = 310
    const metrics = createMetrics(new Registry(), clock)
    const health = createWorkHealth(clock)
    await write(database, 0, [message('first')])
    await index(database)
    const indexing = startIndexing({ clock, database, metrics, logger, health, migrated: () => true, limit })
    t.teardown(() => indexing.close())
    const resting = () => until(() => clock.pending > 0, 60_000, 'it to rest')
    let written = 0
    const writeSome = (count: number) =>
      write(
        database,
        0,
        Array.from({ length: count }, () => message(`m${written++}`)),
      )
    await resting()
    const finished = new Deferred<void>()
    const locked = new Deferred<void>()
    const other = database.transaction(async (query) => {
      await query(idleForLong, [])
      await query('select from history.search_positions for update', [])
      locked.resolve()
      await finished.promise
    })
    await locked.promise
    for (let time = 0; time <= 62_000; time += 500) {
      await writeSome(65)
      await clock.advance(500)
      await resting()
    }
    finished.resolve()
    await other
    // For more than a minute now, and the log stays busy.
    for (let step = 0; step < 40; step++) {
      await writeSome(5)
      await clock.advance(step === 0 ? 500 : 20)
      await resting()
    }
    const [{ value: unindexed } = { value: 0 }] = (await metrics.unindexed.get()).values
    t.ok(unindexed < limit, `${unindexed} are left`)
  })

  await t.test('two that index at once take turns', async (t) => {
    const database = await databases.migrated(t)
    const messages = Array.from({ length: 300 }, (_, n) => message(`m${n}`, { text: 'needle', at: at(n) }))
    await write(database, 0, messages)
    const sums = await Promise.all([index(database, 10), index(database, 10), index(database, 7)])
    const rest = await index(database)
    t.equal(
      sums.reduce((sum, rows) => sum + rows, rest),
      300,
    )
    const [row] = await database.query('select count(*) from history.search', [])
    t.same(row, { count: 300 })
  })
})

/** Resolves once `work` is done, or somebody waits for a lock. */
async function doneOrWaiting(database: Database, work: Promise<unknown>): Promise<void> {
  let isDone = false
  const done = () => {
    isDone = true
  }
  work.then(done, done)
  const waiting = () =>
    database.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      [],
    )
  await until(async () => isDone || (await waiting()).length > 0, 60_000, 'it to be done or to wait')
}
