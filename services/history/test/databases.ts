import { connectPostgres, type Database, migrate, openPglite, type PostgresOptions } from '@rabble/database'
import { startPostgres } from '@rabble/harness'
import t, { type Test } from 'tap'

export interface Databases {
  readonly kind: Database['kind']
  /** An empty database, without any tables. */
  empty(t: Test): Promise<Database>
  /** One with history's tables. */
  migrated(t: Test): Promise<Database>
}

/** From dist/test. */
export const migrations = new URL('../../migrations/', import.meta.url)

/** Limits that a slow machine doesn't reach, for tests of other things. */
export const patient: PostgresOptions = { connectTimeout: 60_000, statementTimeout: 120_000 }

/** Runs the same tests over both databases. */
export async function onBoth(tests: (t: Test, databases: Databases) => Promise<void>): Promise<void> {
  await t.test('PGlite', async (t) => {
    // One for all tests, since opening takes a second or two, and emptied for each of them.
    const database = await openPglite()
    t.teardown(() => database.close())
    await tests(
      t,
      over('pglite', async () => {
        await database.query(
          'drop schema if exists history cascade; drop schema public cascade; create schema public',
        )
        return database
      }),
    )
  })
  await t.test('PostgreSQL', async (t) => {
    const server = await startPostgres(t)
    await tests(
      t,
      over('postgres', async (t) => {
        const database = await connectPostgres(await server.createDatabase(), patient)
        t.teardown(() => database.close())
        return database
      }),
    )
  })
}

function over(kind: Database['kind'], empty: (t: Test) => Promise<Database>): Databases {
  return {
    kind,
    empty,
    async migrated(t) {
      const database = await empty(t)
      await migrate(database, 'history', migrations)
      return database
    },
  }
}
