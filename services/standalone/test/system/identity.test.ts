import { createHmac } from 'node:crypto'
import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  type Service,
  startService,
  until,
} from '@rabble/harness'
import t from 'tap'

/* No client gets the name of another user, or acts as another user, on any path. */

assertNothingLeft(t)

const secret = 'a secret for tests, of forty characters.'
const mona = { id: 'mona', name: 'Mona' }
/** Time (ms) that an answer, or a start, may take on a slow machine. */
const timeout = 120_000

function start(auth: 'guest' | 'jwt'): Promise<Service> {
  const env = {
    DATA_DIR: dataFolder(t),
    LOG_LEVEL: 'error',
    RABBLE_AUTH: auth,
    RABBLE_SECRET: secret,
    RABBLE_ALLOWED_ORIGINS: 'https://*.example.com, capacitor://localhost',
    // Clients that wait for a name here send no hello for a long time.
    RABBLE_HELLO_TIMEOUT_MS: '600000',
    RABBLE_APPEARING_ROOMS_PER_HOUR: '5',
  }
  return startService(t, 'standalone', env)
}

const [open, strict] = await Promise.all([start('guest'), start('jwt')])

type Answer = { status: number; code?: string; token?: string }

/** Sends an HTTP request, with a bearer token if there is one. */
async function ask(
  url: string,
  method: 'GET' | 'POST' | 'DELETE',
  token?: string,
  body?: object,
): Promise<Answer> {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const text = await response.text()
  const answer = JSON.parse(text || '{}') as { code?: string; token?: string }
  return { ...answer, status: response.status }
}

t.test('who takes another name leaves the former one to nobody while still being called so', async (t) => {
  const { url } = open
  const mallory = await connectChat(t, url, { hello: false, timeout })
  const welcome = await mallory.request({ type: 'hello', name: 'Ada' })
  const renamed = await ask(`${url}/api/session`, 'POST', welcome.token, { name: 'X' })
  t.equal(renamed.status, 201)

  t.match(await ask(`${url}/api/session`, 'POST', undefined, { name: 'Ada' }), { code: 'name-taken' })
  const ada = await connectChat(t, url, { hello: false, timeout })
  await t.rejects(ada.request({ type: 'hello', name: 'Ada' }), { code: 'name-taken' })
  await mallory.join('general')
  await mallory.send('general', 'still Ada')
  await mallory.close()
  await until(
    () => ada.request({ type: 'hello', name: 'Ada' }).then(Boolean, () => false),
    timeout,
    'the name to be free',
  )
  const back = await connectChat(t, url, { token: renamed.token ?? '', timeout })
  t.match(back.user, { id: welcome.user.id, name: 'X' })
})

t.test('a page of a listed origin does all that the own page does', async (t) => {
  const { url } = open
  for (const [n, origin] of ['https://chat.example.com', 'capacitor://localhost'].entries()) {
    const headers = { origin, 'content-type': 'application/json' }
    const body = JSON.stringify({ name: `Page ${n}` })
    const session = await fetch(`${url}/api/session`, { method: 'POST', headers, body })
    t.equal(session.headers.get('access-control-allow-origin'), origin)
    const { token } = (await session.json()) as { token: string }
    const page = await connectChat(t, url, { token, origin, timeout })
    await page.join('general')
    for (const path of ['/api/rooms/general/messages', '/api/search?q=a', '/api/rooms', '/api/nowhere']) {
      const asked = { origin, 'access-control-request-method': 'GET' }
      const preflight = await fetch(url + path, { method: 'OPTIONS', headers: asked })
      t.equal(preflight.headers.get('access-control-allow-origin'), origin, `OPTIONS ${path}`)
      const answer = await fetch(url + path, { headers: { origin, authorization: `Bearer ${token}` } })
      t.equal(answer.headers.get('access-control-allow-origin'), origin, path)
    }
  }
  const evil = await fetch(`${url}/api/rooms`, { headers: { origin: 'https://example.com' } })
  t.equal(evil.headers.get('access-control-allow-origin'), null)
})

t.test(
  'a guest who wants the name of a room that is gone gets no say over what was said there',
  async (t) => {
    const { url } = open
    const [owner, stranger] = await Promise.all(
      ['Owner', 'Stranger'].map(
        async (name) => (await ask(`${url}/api/session`, 'POST', undefined, { name })).token,
      ),
    )
    t.match(await ask(`${url}/api/rooms`, 'POST', owner, { name: 'board' }), { status: 201 })
    const chat = await connectChat(t, url, { token: owner ?? '', timeout })
    await chat.join('board')
    await chat.send('board', 'minutes of the meeting')
    t.match(await ask(`${url}/api/rooms/board`, 'DELETE', owner), { status: 204 })
    const claim = { name: 'board', access: 'invite', retention: { messages: 1 } }
    t.match(await ask(`${url}/api/rooms`, 'POST', stranger, claim), { status: 403, code: 'forbidden' })
    const minutes = async () => {
      const response = await fetch(`${url}/api/rooms/board/messages`)
      return response.status === 200 && (await response.text()).includes('minutes of the meeting')
    }
    await until(minutes, timeout, 'the messages to be there for all')
  },
)

t.test('a guest makes only so many rooms appear by joining them', async (t) => {
  const chat = await connectChat(t, open.url, { timeout })
  for (let n = 0; n < 5; n++) {
    await chat.join(`room ${n}`)
    await chat.request({ type: 'leave', room: `room ${n}` })
  }
  await t.rejects(chat.join('one more'), { code: 'rate-limited', retryAfter: Number })
  await chat.join('room 0')
})

t.test('where guests may enter, an account has its name', async (t) => {
  const { url } = open
  const guest = await connectChat(t, url, { name: 'Grace', timeout })
  const account = { sub: 'grace', name: 'Grace', aud: 'rabble', exp: Math.floor(Date.now() / 1000) + 3600 }
  const grace = await connectChat(t, url, { token: written({ alg: 'HS256' }, account), timeout })
  t.match(grace.user, { id: 'grace', name: 'Grace' })
  t.match(await guest.closed, { code: 1008, reason: 'this name belongs to an account' })
  await grace.close()
  t.match(await ask(`${url}/api/session`, 'POST', undefined, { name: 'GRACE' }), { code: 'name-taken' })
})

/** Returns a token as an attacker writes it, without a library. */
function written(header: object, claims: object, key = secret): string {
  const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const signature = createHmac('sha256', key).update(parts.join('.')).digest('base64url')
  return [...parts, 'alg' in header && header.alg === 'none' ? '' : signature].join('.')
}

t.test('a token that is not good opens no door', async (t) => {
  const hs256 = { alg: 'HS256', typ: 'JWT' }
  const claims = {
    sub: mona.id,
    name: mona.name,
    aud: 'rabble',
    exp: Math.floor(Date.now() / 1000) + 3600,
    roles: ['moderator', 'service'],
  }
  const bad = {
    expired: written(hs256, { ...claims, exp: claims.exp - 7200 }),
    forged: written(hs256, claims, 'another secret for tests, just as long'),
    'of no algorithm': written({ alg: 'none', typ: 'JWT' }, claims),
    'of no algorithm, with a signature': written({ alg: 'None', typ: 'JWT' }, claims),
    'for another audience': written(hs256, { ...claims, aud: 'rabble-internal' }),
    'for no audience': written(hs256, { ...claims, aud: undefined }),
    'of another’s claims': [
      ...written(hs256, claims).split('.', 2),
      written(hs256, { ...claims, sub: 'ada' }).split('.')[2],
    ].join('.'),
  }
  for (const [auth, { url }] of Object.entries({ guest: open, jwt: strict })) {
    const client = await connectChat(t, url, { hello: false, timeout })
    const hello = (token: string): Promise<Answer> =>
      client.request({ type: 'hello', token, name: 'Mona' }).then(
        () => ({ status: 200 }),
        ({ code }: { code: string }) => ({ status: 401, code }),
      )
    const http = (method: 'GET' | 'POST', path: string, body?: object) => (token: string) =>
      ask(`${url}/api/${path}`, method, token, body)
    const doors: Record<string, (token: string) => Promise<Answer>> = {
      hello,
      'POST session': http('POST', 'session', { name: 'Mona' }),
      'GET session': http('GET', 'session'),
      'GET rooms': http('GET', 'rooms'),
      'POST rooms': http('POST', 'rooms', { name: 'den' }),
      'GET messages': http('GET', 'rooms/general/messages'),
      'GET audit': http('GET', 'audit'),
      'POST messages': http('POST', 'rooms/general/messages', { text: 'from Mona?' }),
      'POST notify': http('POST', 'notify', { text: 'from Mona?' }),
    }
    for (const [door, knock] of Object.entries(doors)) {
      for (const [what, token] of Object.entries(bad)) {
        t.match(await knock(token), { status: 401, code: 'unauthorized' }, `${auth}: ${door}, ${what}`)
      }
      t.match(await knock(written(hs256, claims)), { status: /^20[01]$/ }, `${auth}: ${door}, a good one`)
    }
  }
})
