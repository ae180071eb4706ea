import { RabbleError } from '@rabble/contract'
import t, { type Test } from 'tap'
import { createApp } from '../src/app.ts'
import { createLogger } from '../src/logger.ts'
import { parseOrigins } from '../src/origin.ts'

function build(t: Test) {
  const allowedOrigins = parseOrigins(
    'https://pages.example, https://*.example.com, capacitor://localhost, null',
  )
  const app = createApp({ logger: createLogger('test', 'silent'), allowedOrigins })
  app.get('/api/rooms', async () => ({ rooms: [] }))
  app.get('/api/session', async () => ({}))
  app.get('/chathub', async () => '')
  app.get('/metrics', async () => 'x 1')
  app.get('/api/full', async () => {
    throw new RabbleError('unavailable', 'full', { retryAfter: 2_000 })
  })
  t.teardown(() => app.close())
  return async (method: 'GET' | 'OPTIONS', url: string, origin?: string) => {
    const reply = await app.inject({
      method,
      url,
      headers: {
        ...(origin !== undefined && { origin }),
        ...(method === 'OPTIONS' && {
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type',
        }),
      },
    })
    return { status: reply.statusCode, headers: reply.headers }
  }
}

t.test('pages of listed origins may ask, and read answers and errors', async (t) => {
  const ask = build(t)
  for (const origin of ['https://pages.example', 'https://a.example.com', 'capacitor://localhost', 'null']) {
    for (const [url, status] of [
      ['/api/rooms', 200],
      ['/api/full', 503],
      ['/api/nowhere', 404],
    ] as const) {
      const answer = await ask('GET', url, origin)
      t.equal(answer.status, status)
      t.match(answer.headers, {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': /retry-after/i,
        vary: /origin/i,
      })
    }
  }
})

t.test('a preflight is answered once for two hours', async (t) => {
  const { status, headers } = await build(t)(
    'OPTIONS',
    '/api/rooms/general/messages',
    'https://pages.example',
  )
  t.equal(status, 204)
  t.match(headers, {
    'access-control-allow-origin': 'https://pages.example',
    'access-control-allow-methods': /DELETE/,
    'access-control-allow-headers': /authorization, content-type/i,
    'access-control-max-age': '7200',
  })
})

t.test('others may not, and neither may anybody ask for what is not below /api/', async (t) => {
  const ask = build(t)
  for (const [url, origin] of [
    ['/api/rooms', 'https://evil.example'],
    ['/api/rooms', 'http://pages.example'],
    ['/api/rooms', undefined],
    ['/metrics', 'https://pages.example'],
  ] as const) {
    const answer = await ask('GET', url, origin)
    t.equal(answer.headers['access-control-allow-origin'], undefined, `${url} ${origin}`)
    t.match(answer.headers.vary, /origin/i, 'nor from a cache')
    t.match(await ask('OPTIONS', url, origin), { status: 404 })
  }
})

t.test('the cookie comes along only to where a session may be kept in it', async (t) => {
  const ask = build(t)
  const allowed = 'access-control-allow-credentials'
  for (const method of ['GET', 'OPTIONS'] as const) {
    for (const path of ['/api/session', '/socket.io/?EIO=4']) {
      t.equal((await ask(method, path, 'https://pages.example')).headers[allowed], 'true')
    }
    t.equal((await ask(method, '/api/rooms', 'https://pages.example')).headers[allowed], undefined)
    t.equal((await ask(method, '/api/session', 'https://evil.example')).headers[allowed], undefined)
  }
})

t.test('clients of SignalR may send cookies and their headers, from listed origins only', async (t) => {
  const ask = build(t)
  const origin = 'https://pages.example'
  for (const url of ['/chathub', '/ChatHub?id=1', '/chathub/negotiate?negotiateVersion=1']) {
    for (const method of ['GET', 'OPTIONS'] as const) {
      t.match((await ask(method, url, origin)).headers, {
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
      })
    }
  }
  const preflight = await ask('OPTIONS', '/chathub/negotiate', origin)
  t.match(preflight.headers['access-control-allow-headers'], /x-requested-with, x-signalr-user-agent/i)
  for (const [url, other] of [
    ['/chathub', 'https://evil.example'],
    ['/chathubs', origin],
    ['/chathub/x', origin],
  ] as const) {
    const { headers } = await ask('GET', url, other)
    t.equal(headers['access-control-allow-origin'], undefined)
    t.equal(headers['access-control-allow-credentials'], undefined)
  }
})
