import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { assertNothingLeft, freePort, privateFolder } from '@rabble/harness'
import { settings } from '@rabble/service'
import t from 'tap'

assertNothingLeft(t)

/** Path of the repository, seen from test/system/dist/test/system. */
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))
const folder = privateFolder(t, 'nginx')
const conf = join(folder, 'nginx.conf')
const run = promisify(execFile)

/** Returns the output of nginx/render for these variables, and for those that adapt it to this machine. */
async function render(env: Record<string, string> = {}): Promise<string> {
  const own = {
    PATH: `${process.env.PATH}:/usr/sbin`,
    GATEWAYS: '127.0.0.1:1 127.0.0.1:2',
    HISTORY: '127.0.0.1:3',
    ROOMS: '127.0.0.1:4',
    RESOLVER: '',
    PORT: `127.0.0.1:${await freePort()}`,
    TLS_PORT: `127.0.0.1:${await freePort()}`,
    STATUS_LISTEN: `127.0.0.1:${await freePort()}`,
    RUN_DIR: join(folder, 'run'),
    ACCESS_LOG: join(folder, 'access.log'),
  }
  await run(join(repository, 'nginx/render'), [conf], { env: { ...own, ...env } })
  return readFileSync(conf, 'utf8')
}

/** Returns the output of the machine's Nginx when it checks the configuration. */
async function judged(): Promise<string> {
  const args = ['-t', '-c', conf, '-p', folder, '-e', 'stderr']
  const { stdout, stderr } = await run('/usr/sbin/nginx', args, { timeout: 60_000 })
  return stdout + stderr
}

/** Creates a certificate for the test, and its key. */
async function certificate(altNames = 'DNS:localhost'): Promise<{ TLS_CERT: string; TLS_KEY: string }> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
  const names = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${altNames}`]
  await run('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert])
  return { TLS_CERT: cert, TLS_KEY: key }
}

t.test(
  'the machine’s Nginx has nothing to say against its configuration, with TLS or behind a proxy',
  async (t) => {
    const flavours: Record<string, string>[] = [{}, await certificate(), { TRUSTED_PROXY: '10.0.0.0/8' }]
    for (const env of flavours) {
      await render({ STICKINESS: 'hash', ...env })
      t.equal(
        await judged(),
        `nginx: the configuration file ${conf} syntax is ok\nnginx: configuration file ${conf} test is successful\n`,
        Object.keys(env).join(),
      )
    }
  },
)

t.test('stickiness is Nginx’s own or by a cookie of ours, and never both', async (t) => {
  const own = /sticky cookie rabble_route /
  const ours = /hash \$route consistent;/
  const sticky = await render({ STICKINESS: 'sticky' })
  t.match(sticky, own)
  t.notMatch(sticky, ours)
  t.notMatch(sticky, /\$(set_)?route\b/)
  const hash = await render({ STICKINESS: 'hash' })
  t.match(hash, ours)
  t.match(hash, /add_header Set-Cookie \$set_route always;/)
  t.notMatch(hash, own)
  t.match(
    await render({ STICKINESS: 'sticky', ...(await certificate()) }),
    /sticky cookie .* samesite=lax secure;/,
  )
  for (const text of [sticky, hash]) t.notMatch(text, /#if-|@[A-Z_]+@/, 'nothing is left to fill in')
})

t.test('nobody behind it is locked out for a failure, and names are asked for again', async (t) => {
  const servers = (text: string) => text.match(/\bserver [\w.:]+ [^;]*;/g)
  t.same(
    servers(await render()),
    [1, 2, 3, 4].map((port) => `server 127.0.0.1:${port} max_fails=0;`),
  )
  const named = await render({ RESOLVER: '127.0.0.11', GATEWAYS: 'gateway:8080' })
  t.equal(servers(named)?.[0], 'server gateway:8080 max_fails=0 resolve;')
  t.match(named, /resolver 127\.0\.0\.11 valid=5s/)
})

t.test(
  'whoever comes by http is sent to the names of the certificate, or to those that are told',
  async (t) => {
    const names = (text: string) =>
      text.match(/return 421;\s+}\s+server {\s+listen [^;]+;\s+server_name ([^;]+);/)?.[1]?.trim()
    const altNames = 'DNS:chat.example,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1,email:a@b.example'
    const tls = await certificate(altNames)
    t.equal(names(await render(tls)), 'chat.example *.example.com 192.0.2.1')
    t.match(await judged(), /test is successful/)
    t.equal(names(await render({ ...tls, TLS_NAMES: 'other.example' })), 'other.example')
    await t.rejects(render(await certificate('email:a@b.example')), { code: 1, stderr: /set TLS_NAMES/ })
  },
)

t.test(
  'a process of Nginx that a reload has replaced stays for longer than any of its connections',
  async (t) => {
    const [, hours] = /worker_shutdown_timeout (\d+)h;/.exec(await render()) ?? []
    t.ok(Number(hours) > settings.RABBLE_CONNECTION_HOURS.default)
  },
)

t.test(
  'the page may connect to its own host and to the gateways that are named, and nowhere else',
  async (t) => {
    const policy = (text: string) => /connect-src ([^;]*);/.exec(text)?.[1]
    t.equal(policy(await render()), "'self'")
    const PUBLIC_GATEWAYS = 'wss://g1.chat.example wss://*.gateways.example:8443'
    t.equal(policy(await render({ PUBLIC_GATEWAYS })), `'self' ${PUBLIC_GATEWAYS}`)
    t.match(await judged(), /test is successful/)
    for (const wrong of [
      'g1.chat.example',
      'wss:',
      'wss://*',
      'wss://a.example;',
      'wss://a"b',
      'https://a.example',
    ])
      await t.rejects(
        render({ PUBLIC_GATEWAYS: wrong }),
        { code: 1, stderr: /PUBLIC_GATEWAYS must be like/ },
        wrong,
      )
  },
)

t.test('what can’t be is refused', async (t) => {
  await t.rejects(render({ STICKINESS: 'glue' }), { code: 1, stderr: /STICKINESS must be sticky or hash/ })
  await t.rejects(render({ TLS_CERT: '/cert.pem' }), {
    code: 1,
    stderr: /TLS needs both TLS_CERT and TLS_KEY/,
  })
})
