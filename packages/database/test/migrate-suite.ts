import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { privateFolder } from '@rabble/harness'
import type { Test } from 'tap'
import { connectPostgres, type Database, migrate } from '../src/index.ts'
import { longTimeouts } from '../src/testing.ts'

function folderWith(t: Test, files: Record<string, string>): string {
  const folder = join(privateFolder(t, 'migrations'), 'migrations')
  mkdirSync(folder)
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql)
  return folder
}

/** Tests the behaviour of `migrate` on each database. */
export async function checkMigrate(t: Test, database: Database): Promise<void> {
  const applied = () =>
    database.query<{ service: string; id: string }>(
      'select service, id from rabble_migrations order by applied_at, id',
    )

  await t.test('applies each file once, in order, also those that come later', async (t) => {
    const folder = folderWith(t, {
      '001_first.sql': 'create table things (n int); insert into things values (1);',
      '002_second.sql': 'update things set n = n * 10 -- no semicolon at the end',
      'README.md': 'not SQL',
    })
    t.same(await migrate(database, 'one', folder), ['001_first', '002_second'])
    t.same(await migrate(database, 'one', folder), [])
    writeFileSync(join(folder, '003_third.sql'), 'update things set n = n + 1')
    t.same(await migrate(database, 'one', pathToFileURL(`${folder}/`)), ['003_third'])
    t.same(await database.query('select n from things'), [{ n: 11 }])
  })

  await t.test('keeps the services of one database apart', async (t) => {
    const folder = folderWith(t, { '001_first.sql': 'create table others (n int)' })
    t.same(await migrate(database, 'two', folder), ['001_first'])
    t.same(
      (await applied()).filter(({ service }) => service === 'two'),
      [{ service: 'two', id: '001_first' }],
    )
  })

  await t.test('a file that fails leaves nothing of itself, and all before it', async (t) => {
    const folder = folderWith(t, {
      '001_good.sql': 'create table good (n int)',
      '002_bad.sql': 'create table bad (n int); select 1 / 0',
    })
    await t.rejects(migrate(database, 'three', folder), { code: '22012' })
    t.same(await database.query('select * from good'), [])
    await t.rejects(database.query('select * from bad'), { code: '42P01' })
    writeFileSync(join(folder, '002_bad.sql'), 'create table bad (n int)')
    t.same(await migrate(database, 'three', folder), ['002_bad'])
  })

  await t.test('refuses numbers that are missing or given twice, and an empty folder', async (t) => {
    await t.rejects(migrate(database, 'four', folderWith(t, { '002_b.sql': '' })), /expected number 1/)
    const twice = { '001_a.sql': '', '001_b.sql': '' }
    await t.rejects(migrate(database, 'four', folderWith(t, twice)), /expected number 2, found 001_b/)
    await t.rejects(migrate(database, 'four', folderWith(t, {})), /holds no migrations/)
  })
}

/** Tests several processes that migrate one database at once. */
export async function checkMigrateAtOnce(t: Test, url: string): Promise<void> {
  const files = Object.fromEntries(
    Array.from({ length: 5 }, (_, n) => [
      `00${n + 1}_step.sql`,
      n === 0 ? 'create table SERVICE (n int)' : `insert into SERVICE values (${n})`,
    ]),
  )
  const services = ['red', 'blue'].map((service) => ({
    service,
    folder: folderWith(
      t,
      Object.fromEntries(
        Object.entries(files).map(([name, sql]) => [name, sql.replaceAll('SERVICE', service)]),
      ),
    ),
  }))
  const replicas = await Promise.all(Array.from({ length: 6 }, () => connectPostgres(url, longTimeouts)))
  t.teardown(() => Promise.all(replicas.map((replica) => replica.close())))
  const done = await Promise.all(
    replicas.flatMap((replica) => services.map(({ service, folder }) => migrate(replica, service, folder))),
  )
  t.equal(done.flat().length, 10, 'each file was applied by one of them')
  for (const { service } of services) {
    t.same(
      await replicas[0]?.query(`select n from ${service} order by n`),
      [1, 2, 3, 4].map((n) => ({ n })),
    )
  }
}
