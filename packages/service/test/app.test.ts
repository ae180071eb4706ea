import { type AddressInfo, connect } from 'node:net'
import { until } from '@rabble/harness'
import t from 'tap'
import { createApp } from '../src/app.ts'
import { callerOf, requireCaller } from '../src/caller.ts'
import { createTokens } from '../src/tokens.ts'
import { forge, secret } from './forge.ts'
import { record } from './record.ts'

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

t.test('each request is one line, with what an operator asks first', async (t) => {
  const { logger, written } = record()
  const app = createApp({ logger })
  app.get('/rooms', async () => ({}))
  app.get('/quiet', { logLevel: 'warn' }, async () => ({}))
  t.teardown(() => app.close())
  const before = Date.now()
  await app.inject('/rooms?after=secret')
  await app.inject('/quiet')
  await app.inject({ method: 'POST', url: '/nowhere' })
  await until(() => written().includes('/nowhere'), 30_000, 'the last line')
  const lines = written()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [
    {
      level: 'info',
      msg: 'request',
      method: 'GET',
      path: '/rooms',
      status: 200,
      ip: '127.0.0.1',
      ms: Number,
    },
    { level: 'info', msg: 'request', method: 'POST', path: '/nowhere', status: 404 },
  ])
  t.equal(lines.length, 2)
  const { time } = lines[0]
  t.equal(new Date(time).toISOString(), time)
  t.ok(Date.parse(time) >= before)
})

t.test('a request that never ends is ended, whether its head or its body is slow', async (t) => {
  const app = createApp({ logger: record().logger, requestTimeout: 100 })
  app.post('/who', async () => ({}))
  t.teardown(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const head = 'POST /who HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
  for (const sent of [head, `${head}content-length: 60000\r\n\r\n{"name":"`]) {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    let answer = ''
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part
    })
    // Sends bytes like a client that never finishes its request.
    const drip = setInterval(() => socket.write('x'), 20)
    socket.on('error', () => {})
    socket.write(sent)
    await until(() => socket.closed, 60_000, 'the end').finally(() => clearInterval(drip))
    t.match(answer, /^HTTP\/1.1 408 /)
  }
})

t.test('a body that is no UTF-8 is refused, since different names in it would be one', async (t) => {
  const app = createApp({ logger: record().logger })
  app.post('/name', async ({ body }) => body)
  t.teardown(() => app.close())
  const post = (payload: Buffer) =>
    app.inject({ method: 'POST', url: '/name', payload, headers: { 'content-type': 'application/json' } })
  t.same((await post(Buffer.from('{"name":"Zoë"}'))).json(), { name: 'Zoë' })
  const refused = await post(Buffer.from('{"name":"Zo\xeb"}', 'latin1'))
  t.match(refused.json(), { statusCode: 400, code: 'bad-frame', message: /UTF-8/ })
  t.match((await post(Buffer.from(''))).json(), { statusCode: 400, code: 'bad-frame', message: /empty/ })
  t.match((await post(Buffer.from('{'))).json(), { statusCode: 400, code: 'bad-frame', message: /JSON/ })
})
