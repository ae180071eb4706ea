import { connectPostgres } from '@rabble/database'
import { startPostgres, until } from '@rabble/harness'
import t from 'tap'
import { build, timeout, waitFor } from '../build.ts'
import { longTimeouts } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const page = '/api/rooms/general/messages'

t.test('while PostgreSQL is frozen reads are refused soon, and work again when it wakes', async (t) => {
  const server = await startPostgres(t)
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
