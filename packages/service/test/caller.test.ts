import t from 'tap'
import { createApp } from '../src/app.ts'
import { callerOf, requireCaller } from '../src/caller.ts'
import { sessionToken, setSessionCookie } from '../src/cookies.ts'
import { createLogger } from '../src/logger.ts'
import { createTokens } from '../src/tokens.ts'
import { secret } from './forge.ts'

const tokens = createTokens(secret)
const ada = await tokens.sign({ id: 'ada', name: 'Ada' }, 60)
const bob = await tokens.sign({ id: 'bob', name: 'Bob' }, 60)
const host = 'chat.example'

function build() {
  const app = createApp({ logger: createLogger('test', 'silent'), trustedProxies: '127.0.0.1' })
  const options = { tokens, allowedOrigins: new Set(['https://pages.example']) }
  const answer = async (request: Parameters<typeof callerOf>[0]) => ({
    who: (await callerOf(request, options))?.user.id ?? 'nobody',
  })
  app.get('/who', answer)
  app.post('/who', answer)
  app.get('/me', async (request) => ({ who: (await requireCaller(request, options)).user.id }))
  return async (
    method: 'GET' | 'POST',
    headers: Record<string, string>,
    url = '/who',
  ): Promise<string | undefined> => {
    const reply = await app.inject({ method, url, headers: { host, ...headers } })
    const body: { who?: string; code?: string } = reply.json()
    return body.who ?? body.code
  }
}

t.test('a caller is known by the bearer token, or else by the cookie', async (t) => {
  const ask = build()
  t.equal(await ask('GET', { authorization: `Bearer ${ada}` }), 'ada')
  t.equal(await ask('GET', { cookie: `theme=dark; rabble_session=${bob}; x=y` }), 'bob')
  t.equal(await ask('GET', { authorization: `Bearer ${ada}`, cookie: `rabble_session=${bob}` }), 'ada')
  t.equal(await ask('GET', {}), 'nobody')
  t.equal(await ask('GET', { cookie: 'rabble_session=; rabble_sessions=x' }), 'nobody')
  t.equal(await ask('GET', {}, '/me'), 'unauthorized')
  t.equal(await ask('GET', { authorization: 'Bearer x' }), 'unauthorized')
})

t.test('a cookie that is not valid any more is none', async (t) => {
  const ask = build()
  const old = await tokens.sign({ id: 'ada', name: 'Ada' }, -1)
  t.equal(await ask('GET', { cookie: `rabble_session=${old}` }), 'nobody')
  t.equal(await ask('GET', { cookie: `rabble_session=${old}` }, '/me'), 'unauthorized')
})

t.test('a token in the address is not looked at', async (t) => {
  const ask = build()
  t.equal(await ask('GET', {}, `/who?token=${ada}&access_token=${ada}`), 'nobody')
})

t.test('a page of another origin can’t act for somebody by the cookie, only by a token', async (t) => {
  const ask = build()
  const cookie = `rabble_session=${ada}`
  for (const origin of [`http://${host}`, `https://${host}`, 'https://pages.example']) {
    t.equal(await ask('POST', { cookie, origin }), 'ada', origin)
  }
  for (const origin of ['https://evil.example', 'null', `https://${host}.evil.example`, `http://x.${host}`]) {
    t.equal(await ask('POST', { cookie, origin }), 'forbidden', origin)
    t.equal(await ask('POST', { cookie, origin, authorization: `Bearer ${bob}` }), 'bob')
  }
  t.equal(await ask('POST', { cookie }), 'forbidden', 'browsers always tell the origin')
  t.equal(await ask('POST', {}), 'nobody')
})

t.test(
  'over https only the cookie counts that nobody else can have set, for pages that came by it',
  async (t) => {
    const ask = build()
    const secure = { 'x-forwarded-proto': 'https' }
    t.equal(await ask('GET', { ...secure, cookie: `rabble_session=${bob}` }), 'nobody')
    const cookie = `rabble_session=${bob}; __Host-rabble_session=${ada}`
    t.equal(await ask('GET', { ...secure, cookie }), 'ada')
    t.equal(await ask('GET', { cookie }), 'ada', 'also where a proxy doesn’t say that it ends TLS')
    t.equal(await ask('POST', { ...secure, cookie, origin: `https://${host}` }), 'ada')
    t.equal(await ask('POST', { ...secure, cookie, origin: `http://${host}` }), 'forbidden')
  },
)

t.test('the cookie is for no script and no other site', async (t) => {
  const secure = setSessionCookie('a.b.c', { seconds: 60, secure: true })
  t.equal(secure, '__Host-rabble_session=a.b.c; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure')
  const plain = setSessionCookie('a.b.c', { seconds: 60, secure: false })
  t.equal(plain, 'rabble_session=a.b.c; Path=/; Max-Age=60; HttpOnly; SameSite=Lax')
  for (const [header, protocol] of [
    [secure, 'https'],
    [plain, 'http'],
  ] as const) {
    t.equal(sessionToken(header.split(';')[0], protocol), 'a.b.c')
  }
})
