import { connectPostgres, type Database, migrate, openPglite, type PostgresOptions } from '@rabble/database'
import { startPostgres } from '@rabble/harness'
import t, { type Test } from 'tap'

/** From dist/test. */
export const migrations = new URL('../../migrations/', import.meta.url)

/** Limits that a slow machine doesn't reach, for tests of other things. */
export const patient: PostgresOptions = { connectTimeout: 60_000, statementTimeout: 120_000 }

/** Makes a database with the tables of rooms, and nothing else in it. */
export type MakeDatabase = (t: Test) => Promise<Database>

/** Runs the same tests over both databases. */
export async function onBoth(
  tests: (t: Test, make: MakeDatabase, kind: Database['kind']) => Promise<void>,
): Promise<void> {
  await t.test('PGlite', async (t) => {
    // One for all tests, since opening takes a second or two, and emptied for each of them.
    const database = await openPglite()
    t.teardown(() => database.close())
    const make: MakeDatabase = async () => {
      await database.query('drop schema if exists rooms cascade; drop table if exists rabble_migrations')
      await migrate(database, 'rooms', migrations)
      return database
    }
    await tests(t, make, 'pglite')
  })
  await t.test('PostgreSQL', async (t) => {
    const server = await startPostgres(t)
    const make: MakeDatabase = async (t) => {
      const database = await connectPostgres(await server.createDatabase(), patient)
      t.teardown(() => database.close())
      await migrate(database, 'rooms', migrations)
      return database
    }
    await tests(t, make, 'postgres')
  })
}
