import { Deferred } from '@rabble/clock/deferred'
import { startPostgres, until } from '@rabble/harness'
import t from 'tap'
import { connectPostgres, type Database, isUnavailable } from '../../src/index.ts'

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => t.fail('should have failed'),
    (error: unknown) => error,
  )
}

t.test('a pool', async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  async function connect(options: Parameters<typeof connectPostgres>[1] = {}): Promise<Database> {
    const database = await connectPostgres(url, {
      connectTimeout: 60_000,
      statementTimeout: 60_000,
      ...options,
    })
    t.teardown(() => database.close())
    return database
  }

  await t.test('opens no more connections than it may', async (t) => {
    const database = await connect({ connections: 2, name: 'bounded' })
    await Promise.all(Array.from({ length: 20 }, () => database.query('select 1')))
    t.same(await database.query("select count(*) from pg_stat_activity where application_name = 'bounded'"), [
      { count: 2 },
    ])
  })

  await t.test('gives up a statement that takes too long, unless the transaction may', async (t) => {
    const database = await connect({ statementTimeout: 1_500 })
    /** Whether the server ended the statement. If it is a second late, the client closes the connection instead. */
    const givenUp = async () => {
      const error = await failure(database.query('select pg_sleep(600)'))
      t.equal(isUnavailable(error), true)
      return (error as { code?: string }).code === '57014'
    }
    await until(givenUp, 60_000, 'the server to give it up')
    const slept = database.transaction((query) => query('select pg_sleep(2.8), 1 as done', []), {
      statementTimeout: 0,
    })
    t.match(await slept, [{ done: 1 }])
    await until(givenUp, 60_000, 'the server to give up others still')
  })

  await t.test('survives the death of the server, says so, and works when it is back', async (t) => {
    const lost: Error[] = []
    const database = await connect({ onError: (error) => lost.push(error) })
    await database.query('create table kept (n int)')
    const inside = new Deferred<void>()
    const interrupted = failure(
      database.transaction(async (query) => {
        await query('insert into kept values (1)')
        inside.resolve()
        await query('select pg_sleep(60)')
      }),
    )
    await inside.promise
    // Opens a connection that is idle during the kill.
    await database.query('select 1')
    await server.kill()
    t.equal(isUnavailable(await interrupted), true)
    t.equal(isUnavailable(await failure(database.query('select 1'))), true)
    t.equal(isUnavailable(await failure(database.transaction(async () => {}))), true)
    await server.restart()
    t.same(await database.query('select n from kept'), [])
    t.ok(lost.length > 0, 'the idle connection was reported')
  })

  await t.test('gives up a server that is frozen, and works when it goes on', async (t) => {
    const database = await connect({ statementTimeout: 500, connectTimeout: 500 })
    await until(() => database.query('select 1').then(() => true), 60_000, 'a connection')
    server.freeze()
    t.equal(isUnavailable(await failure(database.query('select 1'))), true, 'a connection that was there')
    t.equal(isUnavailable(await failure(database.query('select 1'))), true, 'a new one')
    await database.close()
    server.thaw()
    t.same(await (await connect()).query('select 1 as n', []), [{ n: 1 }])
  })
})

t.test('resolves without a server, and rejects queries', async (t) => {
  const database = await connectPostgres('postgres://nobody:none@127.0.0.1:1/none')
  t.equal(isUnavailable(await failure(database.query('select 1'))), true)
  await database.close()
})

t.test('refuses what is no URL', async (t) => {
  await t.rejects(connectPostgres('nonsense'), TypeError)
  await t.rejects(connectPostgres('mysql://localhost/x'), /must be postgres:\/\//)
})
