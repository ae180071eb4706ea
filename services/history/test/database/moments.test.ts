import { copyFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createManualClock } from '@rabble/clock/manual'
import { type Database, migrate } from '@rabble/database'
import { privateFolder, until } from '@rabble/harness'
import type { Test } from 'tap'
import { storedBy } from '../../src/jobs/moments.ts'
import { idsOf, ingestOf, storedDaysAgo, timeout, waitFor } from '../build.ts'
import { migrations, onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const day = 24 * 60 * 60 * 1000
const retention = { maxAge: 30 * day, maxMessages: 2 }

await onBoth(async (t, databases) => {
  /** Returns a database with a message that is 31 days old, and a room with one message too many. */
  async function filled(t: Test): Promise<Database> {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    log.append(message('old'), ...['x', 'y', 'z'].map((id) => message(id, { room: 'random' })))
    const ingest = ingestOf(t, log, database)
    await waitFor(database, 4)
    await ingest.close()
    await storedDaysAgo(database, 31)
    return database
  }

  /** Runs retention by a clock that is `ahead` milliseconds ahead of the database's, and observes it. */
  function retaining(t: Test, database: Database, ahead: number) {
    const clock = createManualClock(Date.now() + ahead)
    const { metrics } = ingestOf(t, createMemoryLog(), database, { clock, retention })
    const retired = async () => (await metrics.retired.get()).values[0]?.value ?? 0
    return {
      clock,
      paused: async () => (await metrics.retentionPaused.get()).values[0]?.value,
      /** Lets rounds pass until `count` messages were deleted. The clock keeps its distance from the database's. */
      async deletes(count: number) {
        const round = async () => {
          for (const step of [20, 60_000]) {
            await clock.advance(step)
            clock.jump(-step)
          }
          return (await retired()) >= count
        }
        await until(round, timeout, `${count} to be deleted`)
        t.equal(await retired(), count)
      },
    }
  }

  await t.test('nothing goes for its age while the clock of the database is far from ours', async (t) => {
    const database = await filled(t)
    const { clock, paused, deletes } = retaining(t, database, 10 * 60_000)
    await deletes(1)
    t.same(await idsOf(database, 0, 'random'), ['y', 'z'], 'there are too many, whatever the time is')
    t.same(await idsOf(database, 0), ['old'])
    t.equal(await paused(), 1)
    clock.jump(-10 * 60_000)
    await deletes(4)
    t.equal(await paused(), 0)
  })

  await t.test('nothing goes for its age while the database shows a time that is past', async (t) => {
    const database = await filled(t)
    await database.query(
      "insert into history.moments (partition, sequence, at) values (0, 1000, now() + interval '1 hour')",
      [],
    )
    const { paused, deletes } = retaining(t, database, 0)
    await deletes(1)
    t.same(await idsOf(database, 0), ['old'])
    t.equal(await paused(), 1)
    await database.query('delete from history.moments where at > now()', [])
    await deletes(4)
    t.equal(await paused(), 0)
  })

  await t.test('when messages were stored is noted once an hour, and forgotten with them', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const clock = createManualClock()
    let rounds = 0
    const retention = async () => {
      rounds++
      return new Map()
    }
    ingestOf(t, log, database, { clock, rooms: { retention, former: async () => {} } })
    /** Lets rounds pass until a check holds. The clock keeps its distance from the database's. */
    const pass = (check: () => boolean | Promise<boolean>, what: string) =>
      until(
        async () => {
          await clock.advance(60_000)
          clock.jump(-60_000)
          return check()
        },
        timeout,
        what,
      )
    const moments = async () => {
      const sql = 'select sequence from history.moments order by sequence'
      return (await database.query<{ sequence: number }>(sql, [])).map(({ sequence }) => sequence)
    }
    const noted = (wanted: number[]) =>
      pass(async () => (await moments()).join() === wanted.join(), `${wanted} to be noted`)
    log.append(message('a'), message('b'))
    await noted([2])
    log.append(message('c'))
    await waitFor(database, 3)
    await database.query("update history.moments set at = at - interval '59 minutes'", [])
    // The round under way, and a whole one.
    const enough = rounds + 2
    await pass(() => rounds >= enough, 'a round')
    t.same(await moments(), [2])
    await database.query("update history.moments set at = at - interval '2 minutes'", [])
    await noted([2, 3])
    await database.query("delete from history.messages where id <> 'c'", [])
    await database.query("update history.moments set at = at - interval '2 hours'", [])
    log.append(message('d'))
    await noted([3, 4])
    t.equal(await storedBy(database, 0, Date.now() - 1.9 * 60 * 60_000), 3)
    t.equal(await storedBy(database, 0, Date.now() - day), undefined)
  })

  await t.test('what was stored before is dated by its messages, of which one may be wrong', async (t) => {
    const database = await databases.empty(t)
    const former = privateFolder(t, 'migrations')
    const folder = fileURLToPath(migrations)
    for (const file of readdirSync(folder).sort().slice(0, 4))
      copyFileSync(`${folder}/${file}`, `${former}/${file}`)
    await migrate(database, 'history', former)
    // One message a day for a hundred days, one of them with a much older time.
    await database.query(
      `insert into history.messages (sequence, partition, id, room, sender_id, sender_name, text, via, at)
       select n * 1000, 0, 'm' || n, 'general', 'ada', 'Ada', '', '', now() - case n when 70 then 400 else 100 - n end * interval '1 day'
       from generate_series(1, 100) as numbers (n)`,
      [],
    )
    await migrate(database, 'history', migrations)
    const stored = (days: number) => storedBy(database, 0, Date.now() - days * day)
    t.equal(await stored(99.5), undefined)
    t.equal(await stored(31.5), 68_000)
    t.equal(await stored(29.5), 70_000)
    t.equal(await stored(28.5), 71_000)
  })
})
