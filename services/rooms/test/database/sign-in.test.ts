import { connectPostgres } from '@rabble/database'
import { assertNothingLeft, freePort, sharedPostgres, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { startReplica, timeout, tokens } from '../build.ts'
import { longTimeouts } from '../databases.ts'
import { client, startIssuer } from '../issuer.ts'

assertNothingLeft(t)

const host = 'chat.example'
const callback = `http://${host}/api/sign-in/callback`
const server = await sharedPostgres(t)
const database = await connectPostgres(await server.createDatabase(), longTimeouts)
t.teardown(() => database.close())
const port = await freePort()
const provider = {
  issuer: `http://127.0.0.1:${port}`,
  clientId: client.id,
  clientSecret: client.secret,
  scopes: 'openid profile groups',
  rolesClaim: 'groups',
  roles: new Map([['chat-admins', 'moderator']]),
  seconds: 3_600,
}
// Two replicas, of which one takes the way there and the other one the way back.
const replicas = [
  await startReplica(t, database, { provider }),
  await startReplica(t, database, {
    provider,
    tokens: createTokens('a secret that is long enough to be one'),
  }),
] as const
const [there, back] = replicas

/** A browser, with its cookies for Rabble and for the issuer. */
function browser() {
  const jar = new Map<string, Map<string, string>>([
    ['rabble', new Map()],
    ['issuer', new Map()],
  ])
  const keep = (of: string, headers: readonly string[]) => {
    for (const header of headers) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? []
      if (value === '' || /Max-Age=0|expires=Thu, 01 Jan 1970/i.test(header)) jar.get(of)?.delete(name)
      else jar.get(of)?.set(name, value)
    }
  }
  const cookies = (of: string) => [...(jar.get(of) ?? [])].map((pair) => pair.join('=')).join('; ')
  return {
    jar,
    async rabble(app: FastifyInstance, method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
      const origin = method === 'GET' ? {} : { origin: `https://${host}` }
      const headers = { host, ...origin, cookie: cookies('rabble') }
      const answer = await app.inject({ method, url, headers, ...(payload && { payload }) })
      keep('rabble', [answer.headers['set-cookie'] ?? []].flat())
      return answer
    },
    /** Goes from Rabble to the issuer, and to where that sends the browser back. Returns that address. */
    async visit(): Promise<URL> {
      const away = await this.rabble(there.app, 'GET', '/api/sign-in/provider')
      let url = new URL(String(away.headers.location))
      while (url.origin === provider.issuer) {
        const answer = await fetch(url, { redirect: 'manual', headers: { cookie: cookies('issuer') } })
        await answer.text()
        keep('issuer', answer.headers.getSetCookie())
        const location = answer.headers.get('location')
        if (location === null) throw new Error(`the issuer answered ${answer.status} at ${url.pathname}`)
        url = new URL(location, url)
      }
      return url
    },
    /** Comes back to Rabble. Returns the address of the page to which it leads. */
    async comeBack(url: URL): Promise<string> {
      const answer = await this.rabble(back.app, 'GET', url.pathname + url.search)
      t.equal(answer.statusCode, 303)
      return String(answer.headers.location)
    },
    async signIn(): Promise<string> {
      return this.comeBack(await this.visit())
    },
    async session() {
      const answer = await this.rabble(there.app, 'POST', '/api/session', { keep: true })
      return { status: answer.statusCode, ...answer.json() }
    },
  }
}

const ways = async (app: FastifyInstance) => (await app.inject('/api/sign-in')).json()

t.test('while the issuer is down, guests come in and the page knows that others can’t', async (t) => {
  t.same(await ways(there.app), { guests: true, provider: { available: false } })
  const answer = await browser().rabble(there.app, 'GET', '/api/sign-in/provider')
  t.match(answer, { statusCode: 303, headers: { location: '../../?sign-in=unavailable' } })
  await until(
    async () => (await there.value('rabble_rooms_sign_in_provider_errors_total')) > 1,
    timeout,
    'attempts',
  )
  t.equal(await there.value('rabble_rooms_sign_in_provider_up'), 0)
  const guest = await browser().rabble(there.app, 'POST', '/api/session', { keep: true, name: 'Guest' })
  t.equal(guest.statusCode, 201)
})

t.test('with an issuer', async (t) => {
  const users = {
    ada: { name: 'Ada Lovelace', groups: ['staff', 'chat-admins'] },
    bob: { name: 'System', groups: ['staff', 'moderator'] },
    'guest-x': { name: ' Eve\u202e\n ' },
  }
  const issuer = await startIssuer(t, port, { callback, users })
  for (const { app } of replicas) {
    await until(async () => (await ways(app)).provider.available, timeout, 'the issuer to be known')
  }
  t.equal(await there.value('rabble_rooms_sign_in_provider_up'), 1)

  t.test('a person signs in on two browsers, is one user, and signs out of each', async (t) => {
    const [home, work] = [browser(), browser()]
    for (const one of [home, work]) {
      issuer.user = 'ada'
      t.equal(await one.signIn(), '../../')
      t.notOk(one.jar.get('rabble')?.has('rabble_sign_in'), 'what the attempt needed is gone')
    }
    const [first, second] = [await home.session(), await work.session()]
    t.match(first, {
      status: 201,
      user: { id: /^oidc-[\w-]{22}$/, name: 'Ada Lovelace' },
      roles: ['moderator'],
      guest: false,
    })
    t.same(second.user, first.user)
    t.match(await tokens.verify(first.token), { user: first.user, roles: ['moderator'], guest: false })
    const [row] = await database.query<{ hours: number }>(
      `select extract(epoch from max(expires_at - now())) / 3600 as hours from rooms.sessions where user_id = $1`,
      [first.user.id],
    )
    t.ok((row?.hours ?? 9) <= 1, 'however often it is used')

    t.equal((await home.rabble(there.app, 'DELETE', '/api/session')).statusCode, 204)
    t.equal((await home.session()).status, 401)
    const headers = (token: string) => ({ authorization: `Bearer ${token}` })
    const who = (token: string) => back.app.inject({ url: '/api/session', headers: headers(token) })
    t.equal((await who(first.token)).statusCode, 401)
    t.equal((await who(second.token)).statusCode, 200, 'the other browser is still signed in')
    t.equal((await work.session()).status, 201)
  })

  t.test('names and ids of the issuer can’t be taken for those of others', async (t) => {
    const [bob, eve] = [browser(), browser()]
    issuer.user = 'bob'
    await bob.signIn()
    t.match(
      await bob.session(),
      { user: { name: /^User \w/ }, roles: [] },
      'a group that is not mapped is no role',
    )
    issuer.user = 'guest-x'
    await eve.signIn()
    t.match(await eve.session(), { user: { id: /^oidc-/, name: 'Eve' }, roles: [] })
  })

  t.test('who says no at the issuer is not signed in', async (t) => {
    const one = browser()
    issuer.user = undefined
    t.equal(await one.signIn(), '../../?sign-in=denied')
    t.equal((await one.session()).status, 401)
    t.equal(await back.value('rabble_rooms_sign_ins_total', { result: 'denied' }), 1)
  })

  t.test('an answer for another browser, of another attempt, or too late signs nobody in', async (t) => {
    issuer.user = 'ada'
    const mallory = browser()
    const stolen = await mallory.visit()
    const victim = browser()
    t.equal(await victim.comeBack(stolen), '../../?sign-in=expired', 'without an attempt of its own')
    await victim.visit()
    t.equal(await victim.comeBack(stolen), '../../?sign-in=invalid', 'with another state')
    t.equal((await victim.session()).status, 401)
    t.equal(await mallory.comeBack(stolen), '../../', 'the code was not wasted')

    const late = browser()
    const url = await late.visit()
    await issuer.expire(url.searchParams.get('code') ?? '')
    t.equal(await late.comeBack(url), '../../?sign-in=expired')
    const twice = browser()
    const used = await twice.visit()
    const attempt = twice.jar.get('rabble')?.get('rabble_sign_in') ?? ''
    t.equal(await twice.comeBack(used), '../../')
    twice.jar.get('rabble')?.set('rabble_sign_in', attempt)
    t.equal(await twice.comeBack(used), '../../?sign-in=expired', 'a code counts once')
    t.equal((await late.session()).status, 401)
  })
})

t.test('without a provider there is no way to one', async (t) => {
  const { app } = await startReplica(t, database, { requireToken: true })
  t.same(await ways(app), { guests: false })
  for (const path of ['provider', 'callback'])
    t.equal((await app.inject(`/api/sign-in/${path}`)).statusCode, 404)
})
