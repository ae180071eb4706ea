import { sharedPostgres } from '@rabble/harness'
import t from 'tap'
import { connectPostgres } from '../../src/index.ts'
import { longTimeouts, openTestPglite } from '../../src/testing.ts'
import { checkDatabase } from '../database-suite.ts'
import { checkMigrate, checkMigrateAtOnce } from '../migrate-suite.ts'

t.test('PGlite', async (t) => {
  const database = await openTestPglite()
  t.teardown(() => database.close())
  await t.test('migrations', (t) => checkMigrate(t, database))
  await t.test('statements, transactions and leases', (t) => checkDatabase(t, database))
})

t.test('PostgreSQL', async (t) => {
  const server = await sharedPostgres(t)
  const url = await server.createDatabase()
  const database = await connectPostgres(url, longTimeouts)
  t.teardown(() => database.close())
  await t.test('migrations', (t) => checkMigrate(t, database))
  await t.test('replicas and services may all migrate at once', async (t) => {
    await checkMigrateAtOnce(t, await server.createDatabase())
  })
  await t.test('statements, transactions and leases', (t) => checkDatabase(t, database))
  await t.test('leases that a closed database had are for others', async (t) => {
    const next = await connectPostgres(url, longTimeouts)
    t.teardown(() => next.close())
    t.ok(await next.lease('a'))
  })
})
