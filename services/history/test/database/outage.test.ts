import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createManualClock } from '@rabble/clock/manual'
import { connectPostgres, type Database } from '@rabble/database'
import { longTimeouts } from '@rabble/database/testing'
import { freePort, inForm, startPostgres, until } from '@rabble/harness'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, idsOf, timeout, waitFor } from '../build.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const page = '/api/rooms/general/messages?limit=200'
const statusOf = async (app: FastifyInstance, url = page) => (await app.inject(url)).statusCode
const server = await startPostgres(t)

async function connect(t: Test): Promise<Database> {
  const database = await connectPostgres(await server.createDatabase())
  t.teardown(() => database.close())
  return database
}

const isReady = async (app: FastifyInstance) => (await statusOf(app, '/readyz')) === 200

t.test('PostgreSQL is killed again and again while messages flow: nothing is lost or repeated', async (t) => {
  const database = await connect(t)
  const log = createMemoryLog()
  const app = build(t, { log, database })
  await app.ready()
  const ids: string[] = []
  let flowing = true
  // Maximum number of messages in a round: history must catch up in the end, and a slow machine takes long for a round.
  const roundful = inForm(500, 2_000)
  let most = roundful
  const flow = (async () => {
    while (flowing) {
      for (let n = 0; n < 5 && ids.length < most; n++) {
        const id = `m${ids.length}`
        ids.push(id)
        log.append(message(id))
      }
      // Real time: messages flow while the server dies, at whatever moment.
      await delay(2)
    }
  })()
  for (let round = 1; round <= inForm(2, 3); round++) {
    const seen = ids.length
    most = seen + roundful
    await until(() => isReady(app), timeout, 'history to be ready')
    await until(
      async () => {
        const [row] = await database.query<{ last: number }>(
          'select max(sequence) as last from history.messages',
        )
        return (row?.last ?? 0) > seen
      },
      timeout,
      'messages to flow',
    )
    await server.kill()
    const reply = await app.inject(page)
    t.equal(reply.statusCode, 503)
    t.match(reply.json(), { statusCode: 503, code: 'unavailable' })
    t.equal(reply.headers['retry-after'], '2')
    await until(async () => !(await isReady(app)), timeout, 'history to be unready')
    t.equal(await statusOf(app, '/livez'), 200)
    await server.restart()
  }
  flowing = false
  await flow
  t.comment(`${ids.length} messages`)
  t.strictSame(await idsOf(database, ids.length), ids)
  await until(() => isReady(app), timeout, 'history to be ready')
  t.equal(await statusOf(app), 200)
  const [row] = await database.query('select max(sequence) as last, count(*) as count from history.messages')
  t.same(row, { last: ids.length, count: ids.length }, 'no step was written twice')
})

t.test(
  'while the database is down the lag grows, and once it is back and all is stored there is none',
  async (t) => {
    const database = await connect(t)
    const clock = createManualClock()
    const log = createMemoryLog()
    const app = build(t, { clock, log, database })
    await app.ready()
    const now = () => new Date(clock.now()).toISOString()
    const lag = async () =>
      Number(/^rabble_history_lag_seconds (.*)$/m.exec((await app.inject('/metrics')).body)?.[1])
    log.append(message('a', { at: now() }))
    await idsOf(database, 1)
    await until(async () => (await lag()) === 0, timeout, 'no lag')
    await clock.advance(60_000)
    t.equal(await lag(), 0)
    await server.kill()
    const grown = async (seconds: number) => {
      await clock.advance(1_000)
      return (await lag()) >= seconds
    }
    await until(() => grown(1), timeout, 'a lag, though nobody reads the log')
    clock.jump(-3_600_000)
    t.ok(await grown(2), 'also when the wall clock is set back')
    await until(() => grown(5), timeout, 'more of it')
    log.append(message('b', { at: now() }))
    await server.restart()
    const caughtUp = async () => {
      // The pauses between attempts pass.
      await clock.advance(1_000)
      return (await isReady(app)) && (await idsOf(database, 0)).length === 2
    }
    await until(caughtUp, timeout, 'history to catch up')
    t.same(await idsOf(database, 2), ['a', 'b'])
    await until(async () => (await lag()) === 0, timeout, 'no lag')
  },
)

t.test('without PostgreSQL at the start it lives, and works once that is there', async (t) => {
  const database = await connect(t)
  await server.kill()
  const log = createMemoryLog()
  log.append(message('a'))
  const app = build(t, { log, database })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  t.equal((await fetch(`${address}/livez`)).status, 200)
  t.equal((await fetch(`${address}/readyz`)).status, 503)
  t.equal((await fetch(address + page)).status, 503)
  await server.restart()
  await until(() => isReady(app), timeout, 'history to be ready')
  t.same(await idsOf(database, 1), ['a'])
  t.equal(await statusOf(app), 200)
})

t.test('it closes while PostgreSQL is down', async (t) => {
  const database = await connectPostgres(`postgres://nobody@127.0.0.1:${await freePort()}/none`)
  const app = build(t, { log: createMemoryLog(), database })
  await app.ready()
  t.equal(await statusOf(app), 503)
  await app.close()
  await database.close()
})

t.test('a mistake of ours in SQL is no outage, and a database that was closed is one', async (t) => {
  const database = await connect(t)
  const app = build(t, { log: createMemoryLog(), database })
  await app.ready()
  await until(() => isReady(app), timeout, 'history to be ready')
  await database.query('alter table history.messages rename column text to words')
  const reply = await app.inject(page)
  t.match(reply.json(), { statusCode: 500, code: 'internal-error', message: 'an unexpected error occurred' })
  await database.query('alter table history.messages rename column words to text')
  t.equal(await statusOf(app), 200)
  await database.close()
  t.equal(await statusOf(app), 503)
  t.equal(await isReady(app), false)
})

t.test('a damaged file of a table is told by readiness, once a read has met it', async (t) => {
  const database = await connect(t)
  const log = createMemoryLog()
  const app = build(t, { log, database })
  await app.ready()
  log.append(message('a', { text: 'needle' }))
  const search = '/api/search?q=needle'
  const found = async () => (await app.inject(search)).json<{ results?: object[] }>().results?.length === 1
  await until(found, timeout, 'it to be indexed')
  const [row] = await database.query<{ path: string }>(
    `select current_setting('data_directory') || '/' || pg_relation_filepath('history.search') as path`,
  )
  await server.stop()
  writeFileSync(row?.path ?? '', Buffer.alloc(8192, 'damage'))
  await server.restart()
  await until(async () => (await statusOf(app, search)) === 500, timeout, 'the search to fail')
  t.match((await app.inject('/readyz')).json(), { checks: { messages: /^search fails: invalid page/ } })
  t.equal(await statusOf(app), 200, 'pages are read as before')
})

t.test('while PostgreSQL is frozen reads are refused soon, and work again when it wakes', async (t) => {
  const database = await connectPostgres(await server.createDatabase(), longTimeouts)
  t.teardown(() => database.close())
  const log = createMemoryLog()
  log.append(message('a'))
  // Long before the driver gives up a statement.
  const app = build(t, { log, database, deadline: 4_000 })
  await app.ready()
  await until(async () => (await app.inject(page)).statusCode === 200, timeout, 'history to be ready')
  await waitFor(database, 1)

  server.freeze()
  let driverGaveUp = false
  const direct = database.query('select 1', []).catch(() => {
    driverGaveUp = true
  })
  const from = (n: number) => app.inject({ url: page, remoteAddress: `192.0.2.${n % 100}` })
  const burst = await Promise.all(Array.from({ length: 300 }, (_, n) => from(n)))
  t.equal(driverGaveUp, false, 'before the driver gives a statement up')
  t.same(new Set(burst.map(({ statusCode }) => statusCode)), new Set([503]))
  t.match(burst[0]?.json(), { statusCode: 503, code: 'unavailable' })
  t.equal(burst[0]?.headers['retry-after'], '2')
  t.ok(
    burst.some(({ body }) => body.includes('too many reads')),
    'those beyond the bound at once',
  )
  server.thaw()
  await direct
  await until(async () => (await app.inject(page)).statusCode === 200, timeout, 'reads to work again')
})
