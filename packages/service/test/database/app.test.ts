import { setTimeout as sleep } from 'node:timers/promises'
import { openPglite } from '@rabble/database'
import t from 'tap'
import { createApp, createLogger } from '../../src/app.ts'
import { callerOf, requireCaller } from '../../src/caller.ts'
import { persist } from '../../src/persist.ts'
import { createTokens } from '../../src/tokens.ts'
import { forge, secret } from '../forge.ts'

t.test('whatever happens, no token and no query string gets into the log', async (t) => {
  const { logger, written } = record()
  const app = createApp({ logger })
  const access = { tokens: createTokens(secret), allowedOrigins: new Set<string>() }
  app.get('/who', async (request) => ({ who: (await callerOf(request, access))?.user.id }))
  app.post('/who', async (request) => ({ who: (await requireCaller(request, access)).user.id }))
  app.get('/broken', async (request) => {
    throw new Error(`broken for ${(await requireCaller(request, access)).user.id}`)
  })
  t.teardown(() => app.close())

  const valid = await forge({})
  const tokens = [valid, await forge({ exp: 1 }), await forge({}, { key: `${secret}!` }), `${valid}x`]
  const statuses = new Set<number>()
  for (const token of tokens) {
    for (const headers of [{ authorization: `Bearer ${token}` }, { cookie: `rabble_session=${token}` }]) {
      for (const url of ['/who', `/who?token=${token}`, `/broken?q=${token}`, '/nowhere']) {
        for (const method of ['GET', 'POST'] as const) {
          statuses.add((await app.inject({ method, url, headers: { ...headers, host: 'x' } })).statusCode)
        }
      }
    }
  }
  t.strictSame([...statuses].sort(), [200, 401, 403, 404, 500])
  const log = written()
  t.match(log, /"path":"\/broken"/)
  t.match(log, /broken for ada/)
  for (const token of tokens) {
    for (const part of token.split('.')) if (part.length > 20) t.notOk(log.includes(part.slice(20)), part)
  }
  t.notOk(log.includes('q='))
})

t.test('a statement that fails is logged without its parameters, which are what people wrote', async (t) => {
  const { logger, written } = record()
  const database = await openPglite()
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
  const persisting = persist(insert, { signal: stop.signal, logger, doing: 'writing' })
  while (!written().includes('writing fails')) await sleep(5)
  stop.abort()
  await t.rejects(persisting, { code: '42P01' })
  t.match(
    written(),
    /"err":\{"type":"[a-zA-Z]+","code":"42P01","message":"relation \\"nowhere\\" does not exist"/,
  )
  t.match(written(), /"message":"it could not be kept","stack":.*"cause":\{.*42P01/)
  t.notMatch(written(), /in private/)
})

/** A logger, and what it wrote. */
function record() {
  let log = ''
  const logger = createLogger('test', 'trace', { write: (line) => (log += line) })
  return { logger, written: () => log }
}
