import { readFileSync } from 'node:fs'
import {
  assertNothingLeft,
  connectChat,
  descendants,
  inForm,
  type Service,
  startCluster,
  until,
} from '@rabble/harness'
import t from 'tap'
import { nginxRequests } from '../nginx-requests.ts'

assertNothingLeft(t)

// All clients here have the same address.
const cluster = await startCluster(t, {
  gateways: 3,
  env: { REQUEST_BURST: '100000', RABBLE_ALLOWED_ORIGINS: 'https://pages.example, capacitor://localhost' },
})
const { visit, ask, answeredBy } = nginxRequests(cluster)

/** Returns the id of a gateway, which is new at each start. */
async function idOf(gateway: Service): Promise<string> {
  const client = await connectChat(t, gateway.url)
  const welcome = await client.waitFor(({ type }) => type === 'welcome')
  await client.close()
  return welcome.type === 'welcome' ? welcome.gateway : ''
}

t.test('each path leads to its service, with the errors of all services', async (t) => {
  for (const [method, path, status, code] of [
    ['GET', '/api/rooms/general/messages', 200, undefined],
    ['GET', '/api/rooms/general/messages?before=unknown', 400, 'bad-frame'],
    ['GET', '/api/search', 400, 'bad-frame'],
    ['GET', '/api/events?limit=0', 400, 'bad-frame'],
    ['DELETE', '/api/rooms/general/messages/x', 401, 'unauthorized'],
    ['GET', '/api/push', 200, undefined],
    ['DELETE', '/api/push/subscription', 400, 'bad-frame'],
    ['GET', '/api/rooms', 200, undefined],
    ['POST', '/api/rooms/general/messages', 401, 'unauthorized'],
    ['POST', '/api/notify', 401, 'unauthorized'],
    ['GET', '/api/nothing', 404, 'not-found'],
  ] as const) {
    const sent = method === 'POST' ? '{"text":"hi"}' : ''
    const headers: Record<string, string> = method === 'DELETE' ? {} : { 'content-type': 'application/json' }
    const { body, ...answer } = await ask(path, headers, method, sent)
    t.equal(answer.status, status, `${method} ${path}`)
    t.equal((JSON.parse(body) as { code?: string }).code, code, body)
  }
  const page = await fetch(cluster.url)
  const html = await page.text()
  t.match(html, /<title>/)
  t.match(page.headers.get('content-security-policy'), /^default-src 'none'/)
  t.equal(page.headers.get('x-content-type-options'), 'nosniff')
  t.equal(page.headers.get('cache-control'), 'no-cache')
  const [, source = ''] = /<script[^>]* src="([^"]+)"/.exec(html) ?? []
  const script = await fetch(new URL(source, cluster.url))
  t.match(script.headers.get('content-type'), /^(text|application)\/javascript/)
  t.match(script.headers.get('cache-control'), /immutable/)
  for (const [path, type] of [
    ['/manifest.webmanifest', /^application\/manifest\+json/],
    ['/sw.js', /^(text|application)\/javascript/],
    ['/icon-192.png', /^image\/png/],
  ] as const) {
    const file = await fetch(cluster.url + path)
    t.match(file.headers.get('content-type'), type, path)
    t.equal(file.headers.get('cache-control'), 'no-cache', path)
    t.match(file.headers.get('content-security-policy'), /^default-src 'none'/, path)
  }
})

t.test('pages of listed origins may ask each service, and read what it answers', async (t) => {
  for (const origin of ['https://pages.example', 'capacitor://localhost', 'https://evil.example']) {
    const allowed = origin === 'https://evil.example' ? null : origin
    for (const [method, path] of [
      ['GET', '/api/rooms/general/messages'],
      ['POST', '/api/rooms/general/messages'],
      ['GET', '/api/search?q=a'],
      ['POST', '/api/notify'],
      ['GET', '/api/rooms'],
      ['GET', '/api/session'],
    ] as const) {
      const answer = await fetch(cluster.url + path, { method, headers: { origin } })
      t.equal(answer.headers.get('access-control-allow-origin'), allowed, `${method} ${path} of ${origin}`)
      const asked = { origin, 'access-control-request-method': method }
      const preflight = await fetch(cluster.url + path, { method: 'OPTIONS', headers: asked })
      t.equal(preflight.headers.get('access-control-allow-origin'), allowed, `OPTIONS ${path} of ${origin}`)
    }
  }
})

t.test(
  'while rooms is frozen, pages of rooms for everybody are there, also those that nobody asked for',
  async (t) => {
    const [rooms] = cluster.rooms
    rooms?.freeze()
    t.teardown(() => rooms?.thaw())
    for (const room of ['general', 'never-seen'])
      t.equal((await ask(`/api/rooms/${room}/messages`)).status, 200)
  },
)

t.test('what is for operators and services is not to be had from outside, however it is spelt', async (t) => {
  for (const path of [
    '/metrics',
    '/livez',
    '/readyz',
    '/healthz',
    '/internal/rooms/general/replay',
    '/internal',
    '//metrics',
    '/%6detrics',
    '/./internal/../internal/policies',
    '/api/../internal/policies',
    '/api/%2e%2e/internal/policies',
    '/ws/../metrics',
  ]) {
    const { status, body } = await ask(path)
    t.equal(status, 404, path)
    t.notMatch(body, /rabble_|"checks"|"version"/)
  }
})

t.test('the access log is JSON, with real addresses, and holds no query string and no token', async (t) => {
  await ask('/api/search?q=secretword', {
    'x-forwarded-for': '203.0.113.7',
    authorization: 'Bearer secrettoken',
  })
  const lines = () => readFileSync(cluster.nginx.accessLog, 'utf8').trim().split('\n')
  await until(async () => lines().some((line) => line.includes('/api/search')), 30_000, 'the line')
  for (const line of lines()) t.equal((JSON.parse(line) as { client: string }).client, '127.0.0.1')
  t.notMatch(lines().join(), /secret|203\.0\.113/)
})

t.test('each client stays with its gateway; when one dies, only its clients move', async (t) => {
  const count = inForm(40, 200)
  const rounds = inForm(3, 20)
  const paths = Array.from({ length: count }, (_, n) => `/poll/${n}`)
  const first = await Promise.all(paths.map((path) => ask(path)))
  const round = () =>
    Promise.all(paths.map((path, n) => ask(path, { cookie: first[n]?.cookie ?? '' }).then(() => {})))
  for (let n = 0; n < rounds; n++) await round()
  const homes = await answeredBy(paths, rounds + 1)
  t.equal(new Set(homes.flatMap((ports) => [...ports])).size, 3, 'all gateways got some')
  t.equal(homes.filter(({ size }) => size === 1).length, count, 'and kept them')

  const [doomed] = cluster.gateways
  if (doomed === undefined) throw new Error('there are three')
  await doomed.kill()
  for (let n = 0; n < 3; n++) await round()
  const moved = await answeredBy(paths, 3)
  for (const [n, ports] of moved.entries()) {
    const home = homes[n] ?? new Set()
    if (home.has(doomed.port)) t.ok(ports.size === 1 && !ports.has(doomed.port), 'moved to one other gateway')
    else t.same(ports, home, 'stayed')
  }
  await doomed.restart()
  await doomed.ready()
  await round()
  t.same(await answeredBy(paths, 1), homes, 'once it is back, its clients are')
})

t.test('clients without a WebSocket and without cookies chat too, whichever gateways they get', async (t) => {
  const bob = await connectChat(t, cluster.gateways[0]?.url ?? '', { name: 'Bob by WebSocket' })
  await bob.join('streams')
  for (const transport of ['sse', 'polling'] as const) {
    const ada = await connectChat(t, cluster.url, { name: `Ada by ${transport}`, transport })
    await ada.join('streams')
    const sent: string[] = []
    for (let n = 0; n < 20; n++) {
      sent.push((await ada.send('streams', `${transport} ${n}`)).id)
      sent.push((await bob.send('streams', `to ${transport} ${n}`)).id)
    }
    for (const client of [ada, bob]) {
      await client.sees(sent.at(-1) ?? '')
      const seen = client.messages('streams').map(({ id }) => id)
      t.same(
        seen.filter((id) => sent.includes(id)),
        sent,
        'each message once, in one order',
      )
    }
    await ada.close()
  }
  const passedOn = await Promise.all(
    cluster.gateways.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
  )
  const forwarded = passedOn
    .join('\n')
    .match(/^rabble_gateway_forwarded_requests_total\{.*answered.*\} \d+/gm)
  t.ok(forwarded !== null, 'requests reached other gateways and were passed on')
})

t.test('a browser may ask Nginx to forget which gateway it had', async (t) => {
  const answer = await fetch(`${cluster.url}/api/route/forget`, { method: 'POST' })
  t.equal(answer.status, 204)
  t.match(answer.headers.get('set-cookie'), /^rabble_route=; Path=\/; Max-Age=0;/)
  t.equal((await ask('/api/route/forget')).status, 404, 'but not by a mere link')
})

t.test('gateways that died one after the other and are back get all of their clients, at once', async (t) => {
  const { gateways } = cluster
  // The first one has died and come back above.
  const doomed = inForm(gateways.slice(1, 2), gateways)
  const clients = await Promise.all(Array.from({ length: 40 }, () => visit()))
  const before = await Promise.all(gateways.map(idOf))
  const homes = clients.map(({ gateway }) => before.indexOf(gateway))
  t.same([...new Set(homes)].sort(), [0, 1, 2], 'all gateways have some')
  const again = () => Promise.all(clients.map(({ cookie }) => visit(cookie)))
  for (const gateway of doomed) {
    await gateway.kill()
    // Nginx notices the failure at the next request of each client.
    await again()
    await gateway.restart()
    await gateway.ready()
  }
  const after = await Promise.all(gateways.map(idOf))
  t.same(
    (await again()).map(({ gateway }) => after.indexOf(gateway)),
    homes,
  )
})

t.test(
  'a reload of Nginx cuts nobody off, and a signal to stop ends it although WebSockets are open',
  async (t) => {
    const { nginx } = cluster
    const ada = await connectChat(t, cluster.url, { name: 'Ada' })
    await ada.join('general')
    const old = descendants(nginx.pid)
    process.kill(nginx.pid, 'SIGHUP')
    const isLeaving = (pid: number) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('shutting down')
      } catch {
        return true // The gateway had no client.
      }
    }
    await until(() => old.every(isLeaving), 60_000, 'new processes')
    const bob = await connectChat(t, cluster.url, { name: 'Bob' })
    await bob.join('general')
    await bob.send('general', 'are you still there?')
    await ada.waitFor((frame) => frame.type === 'message' && frame.text === 'are you still there?')
    await ada.send('general', 'yes')
    process.kill(nginx.pid, 'SIGTERM')
    await until(() => !nginx.running, 60_000, 'Nginx to end')
    t.ok(await ada.closed)
    await nginx.restart()
    t.ok(await visit())
  },
)
