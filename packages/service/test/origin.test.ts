import t from 'tap'
import { isAllowedOrigin, parseOrigins } from '../src/origin.ts'

const none = parseOrigins('')

t.test(
  'the page of the host that serves the gateway may connect, unless it came by a worse way',
  async (t) => {
    const host = 'rabble.example:8080'
    for (const [origin, protocol] of [
      [undefined, 'http'],
      ['http://rabble.example:8080', 'http'],
      ['https://rabble.example:8080', 'https'],
      // A proxy that ends TLS may not say so.
      ['https://rabble.example:8080', 'http'],
    ] as const) {
      t.ok(isAllowedOrigin(origin, { protocol, host }, none), `${origin} by ${protocol}`)
    }
    for (const [origin, protocol] of [
      ['http://rabble.example:8080', 'https'],
      ['capacitor://rabble.example:8080', 'http'],
      ['http://rabble.example', 'http'],
      ['http://evil.example', 'http'],
      ['null', 'http'],
      ['', 'http'],
      ['rabble.example:8080', 'http'],
    ] as const) {
      t.notOk(isAllowedOrigin(origin, { protocol, host }, none), `${origin} by ${protocol}`)
    }
    t.notOk(isAllowedOrigin('http://x', { protocol: 'http', host: undefined }, none))
  },
)

t.test('a listed origin is allowed as it stands: scheme, host and port', async (t) => {
  const listed = parseOrigins(
    'https://chat.example, http://localhost:3000, capacitor://localhost, tauri://localhost, app://-, null',
  )
  for (const origin of [
    'https://chat.example',
    'http://localhost:3000',
    'capacitor://localhost',
    'tauri://localhost',
    'app://-',
    'null',
  ]) {
    t.ok(listed.has(origin), origin)
  }
  for (const origin of [
    'http://chat.example',
    'https://chat.example:8443',
    'https://chat.example.evil.example',
    'https://evil.chat.example',
    'http://localhost',
    'https://localhost',
    'app://localhost',
    'tauri://localhost.evil.example',
    '',
  ]) {
    t.notOk(listed.has(origin), origin)
  }
  t.notOk(none.has('null'), 'only if it is named')
})

t.test('a wildcard stands for one or more labels below a domain, and for nothing else', async (t) => {
  const listed = parseOrigins('https://*.example.com, http://*.dev.example:8080')
  for (const origin of [
    'https://a.example.com',
    'https://a.b.example.com',
    'https://xn--bcher-kva.example.com',
    'http://x.dev.example:8080',
  ]) {
    t.ok(listed.has(origin), origin)
  }
  for (const origin of [
    'https://example.com',
    'http://a.example.com',
    'https://a.example.com:8443',
    'https://aexample.com',
    'https://a.exampleXcom',
    'https://a.example.com.evil.example',
    'https://evil.example/.example.com',
    'https://evil.example#.example.com',
    'https://.example.com',
    'https://a..example.com',
    'http://x.dev.example',
  ]) {
    t.notOk(listed.has(origin), origin)
  }
})

t.test('what no browser ever sends is refused, with what was meant', async (t) => {
  for (const [entry, meant] of [
    ['https://chat.example/', 'https://chat.example'],
    ['https://chat.example/app', 'https://chat.example'],
    ['https://Chat.example', 'https://chat.example'],
    ['https://chat.example:443', 'https://chat.example'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['https://ada@chat.example', 'https://chat.example'],
    ['wss://chat.example', 'https://chat.example'],
    ['capacitor://localhost/', 'capacitor://localhost'],
  ]) {
    t.throws(() => parseOrigins(`https://ok.example, ${entry}`), {
      message: `RABBLE_ALLOWED_ORIGINS must be origins as browsers send them, such as https://chat.example, https://*.example.com, capacitor://localhost or null, separated by commas; ${entry} can never match (write ${meant})`,
    })
  }
  for (const entry of [
    '*',
    'chat.example',
    'chat.example:8080',
    'https://',
    'https://*',
    'https://*.',
    'https://*.10.0.0.1',
    'https://a.*.example.com',
    'https://*example.com',
    'https://*.*.example.com',
    'app://*.example',
    'https://a b.example',
    'NULL',
    'capacitor:localhost',
    'data:text/html,x',
  ]) {
    t.throws(() => parseOrigins(entry), /^RABBLE_ALLOWED_ORIGINS must be origins/, entry)
  }
})
