import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { request as requestTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { assertNothingLeft, freePort, type Nginx, privateFolder, startNginx } from '@rabble/harness'
import t, { type Test } from 'tap'

assertNothingLeft(t)

/** Stands for all services: it answers with the request as Nginx passed it on. */
const echo = createServer(({ url, headers }, response) => response.end(JSON.stringify({ url, headers })))
echo.listen(0, '127.0.0.1')
await once(echo, 'listening')
t.teardown(() => {
  echo.closeAllConnections()
  echo.close()
})

/** Starts the machine's Nginx in front of it. */
function start(t: Test, env: Record<string, string> = {}): Promise<Nginx> {
  const ports = [(echo.address() as AddressInfo).port]
  return startNginx(t, { gateways: ports, histories: ports, rooms: ports, env })
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
  /** Headers of the request if it reached a service. */
  passed: IncomingHttpHeaders | undefined
}

/** Sends a request unchanged. `fetch` would normalise it. */
function ask(url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { path, headers, rejectUnauthorized: false }
    const outgoing = (url.startsWith('https:') ? requestTls : request)(url, options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part) => {
        body += part
      })
      response.on('end', () => {
        const passed = body.startsWith('{"url"')
          ? (JSON.parse(body) as { headers: IncomingHttpHeaders }).headers
          : undefined
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, passed })
      })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

t.test('no service gets a path that Nginx took for another one', async (t) => {
  const { url } = await start(t)
  for (const path of [
    '/internal/rooms/..%2F..%2Fapi%2Fx/members',
    '/internal/..%2Fapi/rooms',
    '/%69nternal/..%2fapi/rooms',
    '/internal/../api/rooms',
    '/metrics%2F../api/rooms',
    '/metrics/..%2Fpoll/x',
    '/metrics/..%2Fws',
    '//metrics/..%2Fapi/rooms',
  ]) {
    const { status, passed } = await ask(url, path)
    t.equal(status, 404, path)
    t.notOk(passed, path)
  }
  for (const path of [
    '/api/rooms',
    '/api/rooms/a%20room%2Fwith%20%C3%A4/members?before=/x',
    '/api/search?q=a/b',
    '/ws?x=1',
    '/poll/1',
    '/chatHub/negotiate',
    '/socket.io/?EIO=4',
  ]) {
    const { status, body } = await ask(url, path)
    t.equal(status, 200, path)
    t.equal((JSON.parse(body) as { url: string }).url, path, 'as it was sent')
  }
})

t.test('only WebSocket is upgraded', async (t) => {
  const { url } = await start(t)
  const asked = (upgrade: string) => ask(url, '/ws', { connection: 'Upgrade, HTTP2-Settings', upgrade })
  t.match((await asked('WebSocket')).passed, { upgrade: 'websocket', connection: 'upgrade' })
  const { passed } = await asked('h2c')
  t.ok(passed)
  t.notOk(passed?.upgrade ?? passed?.connection === 'upgrade')
})

t.test('what a client says of itself is believed only of a trusted proxy', async (t) => {
  const claims = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'elsewhere.example',
  }
  for (const [proxy, client, scheme] of [
    ['', '127.0.0.1', 'http'],
    ['10.0.0.0/8', '127.0.0.1', 'http'],
    ['127.0.0.0/8', '203.0.113.7', 'https'],
  ] as const) {
    const { url } = await start(t, { TRUSTED_PROXY: proxy })
    const { passed } = await ask(url, '/api/rooms', claims)
    t.equal(passed?.['x-forwarded-for'], client, proxy)
    t.equal(passed?.['x-forwarded-proto'], scheme, proxy)
    t.equal(passed?.['x-forwarded-host'], undefined, proxy)
    const odd = await ask(url, '/api/rooms', { 'x-forwarded-proto': 'gopher' })
    t.equal(odd.passed?.['x-forwarded-proto'], 'http', proxy)
    const { headers } = await ask(url, '/api/rooms', { 'x-forwarded-proto': 'https' })
    t.equal(/; Secure$/.test(String(headers['set-cookie'])), scheme === 'https', 'its cookie as well')
  }
})

t.test('who asks too often is answered with 429', async (t) => {
  const { url } = await start(t, { REQUESTS_PER_SECOND: '1', REQUEST_BURST: '1' })
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(url, '/api/rooms')))
  const refused = answers.filter(({ status }) => status !== 200)
  t.ok(refused.length > 0)
  for (const { status, body } of refused) {
    t.equal(status, 429)
    t.match(JSON.parse(body), { statusCode: 429, code: 'rate-limited' })
  }
})

t.test('a network of IPv6 is one address, and one of IPv4 is not taken for a part of one', async (t) => {
  const env = { REQUESTS_PER_SECOND: '1', REQUEST_BURST: '1', TRUSTED_PROXY: '127.0.0.0/8' }
  const { url } = await start(t, env)
  const statuses = async (address: (n: number) => string) => {
    const hosts = Array.from({ length: 50 }, (_, n) => address(n + 1))
    const answers = hosts.map((host) => ask(url, '/api/rooms', { 'x-forwarded-for': host }))
    return new Set((await Promise.all(answers)).map(({ status }) => status))
  }
  t.ok((await statuses((n) => `2001:db8:1:2:${n}::${n}`)).has(429))
  // Bytes with the value of a line feed (0x0a) are bytes like others.
  t.ok((await statuses((n) => `2001:a0a:a0a:a:${n}::a0a`)).has(429))
  t.same(await statuses((n) => `2001:db8:1:${n + 2}::1`), new Set([200]))
  t.same(await statuses((n) => `198.51.100.${n}`), new Set([200]))
  t.same(await statuses((n) => `::ffff:203.0.113.${n}`), new Set([200]))
})

t.test('with TLS, everybody is sent to https, for good, and only to names of the certificate', async (t) => {
  const folder = privateFolder(t, 'tls')
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-noenc', ...names, '-keyout', key, '-out', cert],
  ])
  const port = await freePort()
  const { url } = await start(t, {
    TLS_CERT: cert,
    TLS_KEY: key,
    TLS_PORT: `127.0.0.1:${port}`,
    TLS_PUBLIC_PORT: String(port),
  })
  const plain = await ask(url, '/api/rooms?x=1')
  t.equal(plain.status, 308)
  t.equal(plain.headers.location, `https://127.0.0.1:${port}/api/rooms?x=1`)
  t.notOk(plain.headers['strict-transport-security'])
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.2']) {
    t.match(await ask(url, '/api/rooms', { host }), { status: 421, headers: { location: undefined } })
  }
  const secure = await ask(`https://127.0.0.1:${port}`, '/api/rooms')
  t.equal(secure.passed?.['x-forwarded-proto'], 'https')
  t.match(secure.headers['strict-transport-security'], /^max-age=\d{8}/)
  t.match(String(secure.headers['set-cookie']), /^rabble_route=.*; secure$/i)

  /** Whether a client that offers only this cipher is served. */
  const serves = (cipher: string) =>
    new Promise<boolean>((resolve) => {
      const options = { host: '127.0.0.1', port, ciphers: `${cipher}:@SECLEVEL=0`, rejectUnauthorized: false }
      const socket = connectTls({ ...options, maxVersion: 'TLSv1.2' }, () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
  t.ok(await serves('ECDHE-RSA-AES128-GCM-SHA256'))
  for (const [cipher, fault] of [
    ['AES128-GCM-SHA256', 'no forward secrecy'],
    ['ECDHE-RSA-AES128-SHA256', 'CBC'],
    ['AES256-SHA', 'both'],
  ] as const) {
    t.notOk(await serves(cipher), fault)
  }
})
