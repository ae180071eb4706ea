import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { emptyPgliteVariable, inForm, sharedPostgres } from '@rabble/harness'
import type { Test } from 'tap'
import type { Database } from './database.ts'
import { migrate } from './migrate.ts'
import { openPglite, openPgliteDump } from './pglite.ts'
import { connectPostgres, type PostgresOptions } from './postgres.ts'

/**
 * Opens an empty PGlite in memory for a test file, from the dump that all files of a run share, if there is one: a process needs
 * several seconds to create a new database.
 */
export async function openTestPglite(): Promise<Database> {
  const folder = process.env[emptyPgliteVariable]
  if (folder === undefined) return openPglite()
  return openPgliteDump(new Blob([readFileSync(join(folder, 'dump.tar'))]))
}

/** Fills a folder with an empty database, as `openPglite` creates it (`pglite/`), and a dump of it (`dump.tar`). */
export async function prepareEmptyPglite(folder: string): Promise<void> {
  const pglite = await PGlite.create({ dataDir: join(folder, 'pglite') })
  const dump = await pglite.dumpDataDir('none')
  writeFileSync(join(folder, 'dump.tar'), Buffer.from(await dump.arrayBuffer()))
  await pglite.close()
}

/** Service whose tables are tested. */
export interface Schema {
  /** Name for `migrate`, and schema of the tables. */
  service: string
  migrations: URL
}

/** Databases of one kind for the tests of a service. Each test has its own, or an emptied one. */
export interface TestDatabases {
  readonly kind: Database['kind']
  /** Opens a database without tables. */
  empty(t: Test): Promise<Database>
  /** Opens a database with the service's tables, which are empty. */
  migrated(t: Test): Promise<Database>
}

/** Time limits that a slow machine doesn't reach, for tests of other things. */
export const longTimeouts: PostgresOptions = { connectTimeout: 60_000, statementTimeout: 120_000 }

/**
 * Runs the same tests over both databases in `make test-all`, otherwise only over PostgreSQL, since opening a PGlite costs more
 * than the tests of most files. The tests of `@rabble/database`, of the single process and of the page always use PGlite.
 */
export async function onBothDatabases(
  t: Test,
  schema: Schema,
  tests: (t: Test, databases: TestDatabases) => Promise<void>,
): Promise<void> {
  if (inForm(false, true)) await t.test('PGlite', async (t) => tests(t, await pgliteFor(t, schema)))
  await t.test('PostgreSQL', async (t) => tests(t, await postgresFor(t, schema)))
}

/** Uses one database for all tests, since opening takes seconds. It is emptied for each test. */
async function pgliteFor(t: Test, { service, migrations }: Schema): Promise<TestDatabases> {
  const database = await openTestPglite()
  t.teardown(() => database.close())
  async function empty(): Promise<Database> {
    await database.query(
      `drop schema if exists ${service} cascade; drop schema public cascade; create schema public`,
    )
    return database
  }
  return {
    kind: 'pglite',
    empty,
    async migrated() {
      await migrate(await empty(), service, migrations)
      return database
    },
  }
}

/** Uses one database for each test, a copy of one on which the migrations ran once for all files of a run. */
async function postgresFor(t: Test, { service, migrations }: Schema): Promise<TestDatabases> {
  const server = await sharedPostgres(t)
  let template: Promise<string> | undefined
  const makeTemplate = () =>
    server.templateOf(service, async (address) => {
      const database = await connectPostgres(address, longTimeouts)
      await migrate(database, service, migrations)
      await database.close()
    })
  async function connect(t: Test, template?: string): Promise<Database> {
    const address = await server.createDatabase(template)
    const database = await connectPostgres(address, longTimeouts)
    t.teardown(() => database.close())
    return database
  }
  return {
    kind: 'postgres',
    empty: (t) => connect(t),
    async migrated(t) {
      template ??= makeTemplate()
      return connect(t, await template)
    },
  }
}
