import { vapidKeys } from '@rabble/harness'
import { readSettings } from '@rabble/service'
import t from 'tap'
import { historyConfig, historySettings } from '../src/index.ts'

const configOf = (env: Record<string, string>) => historyConfig(readSettings(env, historySettings))

t.test('a webhook is configured only by a URL, and needs a secret', async (t) => {
  const url = 'https://bot.example/'
  t.same(configOf({}), {})
  t.throws(() => configOf({ RABBLE_WEBHOOK_URL: url }), { message: /needs RABBLE_WEBHOOK_SECRET/ })
  const secret = `whsec_${Buffer.from('a key of 24 bytes, so so').toString('base64')}`
  t.same(configOf({ RABBLE_WEBHOOK_SECRET: secret }), {})
  t.same(configOf({ RABBLE_WEBHOOK_URL: url, RABBLE_WEBHOOK_SECRET: secret }).webhook, {
    url,
    secret,
    events: new Set(['rooms']),
    start: 'newest',
  })
})

t.test('pushes are configured by a pair of keys and a subject, which need each other', async (t) => {
  const { publicKey, privateKey } = vapidKeys()
  const subject = 'mailto:ops@chat.example'
  const all = {
    RABBLE_VAPID_PUBLIC_KEY: publicKey,
    RABBLE_VAPID_PRIVATE_KEY: privateKey,
    RABBLE_VAPID_SUBJECT: subject,
  }
  t.same(configOf(all).push, { publicKey, privateKey, subject, hosts: [] })
  const RABBLE_PUSH_HOSTS = '127.0.0.1:8090, *.push.example,[::1]:1'
  t.same(configOf({ ...all, RABBLE_PUSH_HOSTS }).push?.hosts, [
    ...['127.0.0.1:8090', '*.push.example', '[::1]:1'],
  ])
  t.same(configOf({ RABBLE_PUSH_HOSTS }), {})
  for (const name of Object.keys(all)) {
    t.throws(() => configOf({ ...all, [name]: '' }), { message: /need each other/ }, `without ${name}`)
  }
  const broken: [object, RegExp][] = [
    [{ RABBLE_VAPID_PUBLIC_KEY: vapidKeys().publicKey }, /is not the key of RABBLE_VAPID_PRIVATE_KEY/],
    [{ RABBLE_VAPID_PUBLIC_KEY: privateKey }, /RABBLE_VAPID_PUBLIC_KEY must be/],
    [{ RABBLE_VAPID_PRIVATE_KEY: publicKey }, /RABBLE_VAPID_PRIVATE_KEY must be .*prints it$/],
    [{ RABBLE_VAPID_PRIVATE_KEY: Buffer.alloc(32).toString('base64url') }, /is no private key/],
    [{ RABBLE_VAPID_SUBJECT: 'ops@chat.example' }, /RABBLE_VAPID_SUBJECT must/],
    ...['https://push.example', 'push.example/', '*', '*.', 'a b', 'PUSH.example'].map(
      (hosts): [object, RegExp] => [{ RABBLE_PUSH_HOSTS: hosts }, /RABBLE_PUSH_HOSTS must be hosts/],
    ),
  ]
  for (const [env, message] of broken) {
    t.throws(() => configOf({ ...all, ...env }), { message }, JSON.stringify(env))
  }
})
