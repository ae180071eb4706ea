import t from 'tap'
import { brokenByWebhookSecret } from '../src/webhook-settings.ts'
import { signWebhook } from '../src/webhook-signature.ts'

// From the tests of the libraries of Standard Webhooks.
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const webhook = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
  secret,
}
const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

t.test('a webhook is signed as the libraries of Standard Webhooks do it, with each key', async (t) => {
  const headers = {
    'webhook-id': webhook.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': signature,
  }
  t.same(signWebhook(webhook), headers)
  t.same(signWebhook({ ...webhook, body: Buffer.from(webhook.body) }), headers)
  const other = `whsec_${Buffer.alloc(24).toString('base64')}`
  const both = signWebhook({ ...webhook, secret: `${other} ${secret}` })['webhook-signature']
  t.match(both?.split(' '), [/^v1,/, signature])
})

t.test('a key is the Base64 of 24 to 64 bytes', async (t) => {
  const keyOf = (length: number) => `whsec_${Buffer.alloc(length).toString('base64')}`
  for (const right of [secret, keyOf(24), keyOf(64), `${secret} ${keyOf(25)}`])
    t.equal(brokenByWebhookSecret(right), undefined, right)
  for (const wrong of ['', 'hunter2', 'whsec_', keyOf(23), keyOf(65), `${secret} hunter2`, secret.slice(6)])
    t.match(brokenByWebhookSecret(wrong), /^must be whsec_/, wrong)
})
