import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import { createLogger } from '@rabble/service'
import { build, ingestOf, timeout, waitFor } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

await onBoth(async (t, databases) => {
  await t.test('a database that holds nothing under an old log is told of loudly', async (t) => {
    for (const [age, told] of [
      [3_600_000, 1],
      [1_000, 0],
    ] as const) {
      const clock = createManualClock(1_900_000_000_000)
      const log = createMemoryLog()
      log.append(message('a', { at: new Date(clock.now() - age).toISOString() }))
      // The clocks differ too, which other lines report.
      const lines: string[] = []
      const write = (line: string) => {
        if (line.includes('has nothing of')) lines.push(line)
      }
      const logger = createLogger('history', 'error', { write })
      const database = await databases.migrated(t)
      const ingest = ingestOf(t, log, database, { clock, logger })
      await waitFor(database, 1)
      await ingest.close()
      t.match(lines, Array(told).fill(/the database has nothing of this partition, but the log is old/))
      t.equal(lines.length, told)
      const again = ingestOf(t, log, database, { clock, logger })
      log.append(message('b', { at: new Date(clock.now() - age).toISOString() }))
      await waitFor(database, 2)
      await again.close()
      t.equal(lines.length, told, 'once')
    }
  })

  await t.test('a database that comes back empty is filled again from the log', async (t) => {
    const clock = createManualClock()
    const log = createMemoryLog()
    log.append(message('a'), message('b'))
    const database = await databases.empty(t)
    const app = build(t, { clock, log, database })
    await app.ready()
    const page = async () => (await app.inject('/api/rooms/general/messages')).body
    const filled = async () => {
      await clock.advance(5_000)
      const body = await page()
      return body.includes('"a"') && body.includes('"b"')
    }
    await until(filled, timeout, 'the messages')
    // Repeated if it meets a job that locks the tables in another order.
    await until(
      () =>
        database.query('drop schema history cascade').then(
          () => true,
          () => false,
        ),
      timeout,
      'it to be empty',
    )
    await database.query('delete from rabble_migrations', [])
    t.notMatch(await page(), /"a"/)
    await until(filled, timeout, 'the messages again')
    t.equal((await app.inject('/readyz')).statusCode, 200)
  })
})
