import { createManualClock } from '@rabble/clock/manual'
import { connectPostgres } from '@rabble/database'
import { longTimeouts } from '@rabble/database/testing'
import { sharedPostgres, until } from '@rabble/harness'
import t from 'tap'
import { createApp } from '../../src/app.ts'
import { retryLogged } from '../../src/retry-logged.ts'
import { record } from '../record.ts'

t.test('a statement that fails is logged without its parameters, which are what people wrote', async (t) => {
  const { logger, written } = record()
  const server = await sharedPostgres(t)
  const database = await connectPostgres(await server.createDatabase(), longTimeouts)
  t.teardown(() => database.close())
  const insert = () => database.query('insert into nowhere (text) values ($1)', ['a word in private'])
  const app = createApp({ logger })
  t.teardown(() => app.close())
  app.get('/insert', insert)
  app.get('/wrapped', () =>
    insert().catch((cause: unknown) => {
      throw new Error('it could not be kept', { cause })
    }),
  )
  for (const url of ['/insert', '/wrapped']) t.equal((await app.inject(url)).statusCode, 500)
  const stop = new AbortController()
  const clock = createManualClock()
  const persisting = retryLogged(insert, { clock, signal: stop.signal, logger, doing: 'writing' })
  await until(() => written().includes('writing failed'), 60_000, 'the failure to be logged')
  stop.abort()
  await t.rejects(persisting, { code: '42P01' })
  t.match(
    written(),
    /"err":\{"type":"[a-zA-Z]+","code":"42P01","message":"relation \\"nowhere\\" does not exist"/,
  )
  t.match(written(), /"message":"it could not be kept","stack":.*"cause":\{.*42P01/)
  t.notMatch(written(), /in private/)
})
