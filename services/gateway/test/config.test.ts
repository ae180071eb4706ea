import { groundSettings, readSettings, SettingsError } from '@rabble/service'
import t from 'tap'
import { publicSettings, publicWebSocket } from '../src/config.ts'
import { gatewayConfig, gatewaySettings } from '../src/index.ts'

t.test('a gateway does not start with frames into which an allowed text does not fit', async (t) => {
  const config = (env: Record<string, string>) =>
    gatewayConfig(readSettings(env, [...groundSettings, ...gatewaySettings]))
  t.match(config({}).limits, { frameBytes: 65_536, textCharacters: 4000 })
  const env = { RABBLE_TEXT_CHARACTERS: '10000' }
  t.throws(
    () => config(env),
    new SettingsError(
      'RABBLE_FRAME_BYTES must be at least 124096, so that every text of 10000 characters (RABBLE_TEXT_CHARACTERS) fits, but is 65536',
    ),
  )
  t.match(config({ ...env, RABBLE_FRAME_BYTES: '124096' }).limits, { frameBytes: 124_096 })
})

t.test('a program that checks messages needs a secret to sign the questions', async (t) => {
  const config = (env: Record<string, string>) =>
    gatewayConfig(readSettings(env, [...groundSettings, ...gatewaySettings])).beforePublish
  t.equal(config({}), undefined)
  const url = { RABBLE_BEFORE_PUBLISH_URL: 'http://filter:8000/check' }
  t.throws(() => config(url), /^RABBLE_BEFORE_PUBLISH_URL needs RABBLE_BEFORE_PUBLISH_SECRET/)
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`
  t.same(config({ ...url, RABBLE_BEFORE_PUBLISH_SECRET: secret }), {
    url: 'http://filter:8000/check',
    secret,
    timeout: 1000,
    policy: 'refuse',
  })
  const weak = { ...url, RABBLE_BEFORE_PUBLISH_SECRET: 'hunter2' }
  t.throws(
    () => config(weak),
    new SettingsError('RABBLE_BEFORE_PUBLISH_SECRET must be whsec_ and the Base64 of 24 to 64 bytes'),
  )
  for (const wrong of ['filter:8000', 'ftp://filter', 'http://user:password@filter/'])
    t.throws(() => config({ RABBLE_BEFORE_PUBLISH_URL: wrong }), /^RABBLE_BEFORE_PUBLISH_URL must/)
})

t.test('a public address is that of a WebSocket, and pages must be allowed to use it', async (t) => {
  const url = (env: Record<string, string>) =>
    publicWebSocket(readSettings(env, [...groundSettings, ...gatewaySettings, ...publicSettings]))
  t.equal(url({}), undefined)
  const origins = { RABBLE_ALLOWED_ORIGINS: 'https://chat.example' }
  for (const [given, expected] of [
    ['wss://g1.example', 'wss://g1.example/ws'],
    ['https://g1.example:8443', 'wss://g1.example:8443/ws'],
    ['http://10.0.0.1:8090', 'ws://10.0.0.1:8090/ws'],
  ] as const)
    t.equal(url({ ...origins, RABBLE_PUBLIC_URL: given }), expected)
  t.throws(
    () => url({ RABBLE_PUBLIC_URL: 'wss://g1.example' }),
    /needs RABBLE_ALLOWED_ORIGINS: the origin of/,
  )
  t.throws(
    () => url({ ...origins, RABBLE_PUBLIC_URL: 'wss://g1.example', RABBLE_TRANSPORTS: 'sse' }),
    /needs websocket in RABBLE_TRANSPORTS/,
  )
  for (const wrong of ['g1.example', 'wss://g1.example/path', 'wss://user@g1.example', 'ftp://g1.example'])
    t.throws(() => url({ ...origins, RABBLE_PUBLIC_URL: wrong }), /RABBLE_PUBLIC_URL must/, wrong)
})
