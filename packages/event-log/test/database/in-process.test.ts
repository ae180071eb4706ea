import { setImmediate as turn } from 'node:timers/promises'
import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import type { Database } from '@rabble/database'
import { openTestPglite } from '@rabble/database/testing'
import { until } from '@rabble/harness'
import t from 'tap'
import { codeOf, event, follow, movedLimits } from '../../src/conformance/fixture.ts'
import { testEventLog } from '../../src/conformance/index.ts'
import { type EventLog, type LogObserver, markLoss, openInProcessLog } from '../../src/index.ts'

/** Returns a database whose statements wait while it is frozen. */
function freezable(database: Database) {
  let frozen: Deferred<void> | undefined
  return {
    database: {
      ...database,
      async query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]> {
        await frozen?.promise
        return database.query<Row>(sql, params)
      },
    },
    freeze() {
      frozen = new Deferred()
    },
    thaw: () => frozen?.resolve(),
  }
}

const database = await openTestPglite()
t.teardown(() => database.close())

t.test('the in-process log conforms', async (t) => {
  testEventLog(t, async (t) => {
    await database.query('drop table if exists rabble_log')
    const { database: seam, freeze, thaw } = freezable(database)
    const clock = createManualClock()
    // A process has only one handle.
    let log: EventLog | undefined
    t.teardown(() => log?.close())
    return {
      async open(options) {
        if (log !== undefined) return log
        const limits = { ...movedLimits, ...options?.limits }
        const opened = await openInProcessLog({ ...options, limits, clock, database: seam })
        log = {
          ...opened,
          close() {
            log = undefined
            return opened.close()
          },
        }
        return log
      },
      async inject(text) {
        await database.query(
          `insert into rabble_log select 0, coalesce(max("offset"), -1) + 1, 0, $1 from rabble_log`,
          [text],
        )
      },
      freeze,
      thaw,
      clock,
    }
  })
})

t.test('a log that is opened again goes on where it was', async (t) => {
  await database.query('drop table if exists rabble_log')
  const first = await openInProcessLog({ database })
  for (const id of ['1', '2']) await first.publish(event(id))
  await first.close()
  const second = await openInProcessLog({ database })
  t.teardown(() => second.close())
  await second.publish(event('3'))
  const reader = follow(t, second, 'first')
  await reader.seen(3)
  t.same(reader.ids(), ['1', '2', '3'])
  t.same(
    reader.batches.map(({ offset }) => offset),
    [0, 1, 2],
  )
})

t.test(
  'a log that was restored tells readers that events are missing, and gives no offset again',
  async (t) => {
    await database.query('drop table if exists rabble_log')
    const first = await openInProcessLog({ database })
    for (const id of ['1', '2']) await first.publish(event(id))
    await first.close()
    t.equal(await markLoss(database, new Date()), 1)
    const restored = await openInProcessLog({ database })
    t.teardown(() => restored.close())
    await restored.publish(event('3'))
    const reader = follow(t, restored, { after: 0 })
    await reader.seen(3)
    const mark = 1 + 2 ** 32
    t.same(
      reader.batches.map(({ offset, gap }) => ({ offset, gap })),
      [
        { offset: 1, gap: undefined },
        { offset: mark, gap: { expected: 2 } },
        { offset: mark + 1, gap: undefined },
      ],
    )
  },
)

t.test('statements that fail are tried again, told once, and refused when it takes too long', async (t) => {
  await database.query('drop table if exists rabble_log')
  let broken = false
  const failing: Database = {
    ...database,
    async query(sql, params) {
      if (broken && sql.startsWith('insert'))
        throw new Error('could not extend file: No space left on device')
      return database.query(sql, params)
    },
  }
  const logged: string[] = []
  const clock = createManualClock()
  const to = (level: string) => () => logged.push(level)
  const log = await openInProcessLog({
    database: failing,
    limits: { publishTimeout: 1000 },
    clock,
    logger: { info: to('info'), warn: to('warn'), error: to('error') },
  })
  t.teardown(() => log.close())
  broken = true
  const refused = codeOf(log.publish(event('refused')))
  await clock.advance(1000)
  t.equal(await refused, 'unavailable')
  t.match(log.status(), { connected: false, reason: /No space left/ })
  const late = log.publish(event('late'))
  // Waits until the statement has failed, and the retry is scheduled.
  await turn()
  broken = false
  await clock.advance(999)
  await late
  t.match(log.status(), { connected: true, waiting: 0 })
  t.same(logged, ['warn'])
  // It counts as available again only after a while.
  await clock.advance(2000)
  t.same(logged, ['warn', 'info'])
  const reader = follow(t, log, 'first')
  await reader.seen(1)
  t.same(reader.ids(), ['late'])
})

t.test('an insert whose answer was lost is not stored twice', async (t) => {
  await database.query('drop table if exists rabble_log')
  let lose = 0
  const lossy: Database = {
    ...database,
    async query<Row>(sql: string, params?: readonly unknown[]) {
      const rows = await database.query<Row>(sql, params)
      if (sql.startsWith('insert') && lose-- > 0) throw new Error('connection lost')
      return rows
    },
  }
  const log = await openInProcessLog({ database: lossy })
  t.teardown(() => log.close())
  const reader = follow(t, log, 'first')
  await log.publish(event('1'))
  lose = 1
  await log.publish(event('2'))
  await log.publish(event('3'))
  await reader.seen(3)
  t.same(reader.ids(), ['1', '2', '3'])
})

t.test('what is too old is deleted; a reader whose position is gone is told', async (t) => {
  await database.query('drop table if exists rabble_log')
  const gaps: unknown[] = []
  const observer: LogObserver = { gap: (...where) => gaps.push(where) }
  const clock = createManualClock()
  const log = await openInProcessLog({ database, observer, clock, retention: { maxAge: 500_000 } })
  t.teardown(() => log.close())
  for (let i = 0; i < 4; i++) await log.publish(event(`old-${i}`))
  await clock.advance(450_000)
  await log.publish(event('old-4'))
  const count = async () => (await database.query('select 1 from rabble_log')).length
  t.equal(await count(), 5)
  const aged = async () => {
    await clock.advance(10_000)
    return (await count()) === 1
  }
  await until(aged, 30_000, 'the first four to be gone, and not the last one')
  const reader = follow(t, log, 'first')
  await reader.seen(1)
  t.same(reader.ids(), ['old-4'])
  t.same(gaps, [])
  const late = follow(t, log, { after: 1 })
  await late.seen(1)
  t.same(late.ids(), ['old-4'])
  t.same(gaps, [[0, 2, 4]])
  t.same(late.batches[0]?.gap, { expected: 2 })
})

t.test('a clock that was wrong for a while leaves no hole, and deletes nothing that is new', async (t) => {
  await database.query('drop table if exists rabble_log')
  const clock = createManualClock()
  const day = 24 * 3_600_000
  const log = await openInProcessLog({ database, clock, retention: { maxAge: day } })
  t.teardown(() => log.close())
  const offsets = async () => {
    const rows = await database.query<{ offset: number }>('select "offset" from rabble_log order by "offset"')
    return rows.map(({ offset }) => Number(offset)).join()
  }
  for (const away of [30 * day, 0, -30 * day, 0]) {
    clock.jump(away)
    await log.publish(event(`${away}`))
    // Lets one round of deletion pass.
    await clock.advance(61_000)
    await database.query('select 1')
    clock.jump(-away)
  }
  await clock.advance(61_000)
  t.equal(await offsets(), '0,1,2,3')
  await clock.advance(day)
  const gone = async () => {
    await clock.advance(61_000)
    return (await offsets()) === ''
  }
  await until(gone, 30_000, 'all to be too old')
})

t.test('a log that starts over below the position is read from its start', async (t) => {
  await database.query('drop table if exists rabble_log')
  const gaps: unknown[] = []
  const log = await openInProcessLog({ database, observer: { gap: (...where) => gaps.push(where) } })
  t.teardown(() => log.close())
  await log.publish(event('1'))
  const reader = follow(t, log, { after: 1000 })
  await reader.seen(1)
  t.same(reader.ids(), ['1'])
  t.same(gaps, [[0, 1001, 0]])
  t.same(reader.batches[0]?.gap, { expected: 1001 })
})

t.test('a busy log leaves the process time for other things', async (t) => {
  await database.query('drop table if exists rabble_log')
  const log = await openInProcessLog({ database })
  t.teardown(() => log.close())
  let turns = 0
  let publishing = true
  const counting = (async () => {
    for (; publishing; turns++) await turn()
  })()
  for (let i = 0; i < 20; i++) await log.publish(event(`${i}`))
  publishing = false
  await counting
  t.ok(turns >= 19, `${turns} turns of the event loop`)
})

t.test('readers that begin while others publish get all, once, in order', async (t) => {
  await database.query('drop table if exists rabble_log')
  const log = await openInProcessLog({ database })
  t.teardown(() => log.close())
  const readers = []
  const published = []
  const ids = Array.from({ length: 60 }, (_, i) => `${i}`)
  for (const [i, id] of ids.entries()) {
    published.push(log.publish(event(id)))
    if (i % 10 === 0) readers.push(follow(t, log, 'first'))
    await turn()
  }
  await Promise.all(published)
  await Promise.all(readers.map((reader) => reader.seen(ids.length)))
  t.same(
    readers.map((reader) => reader.ids()),
    readers.map(() => ids),
  )
})
