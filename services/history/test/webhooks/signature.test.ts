import t from 'tap'
import { keysOf, signedHeaders } from '../../src/webhooks/signature.ts'

const body = Buffer.from('{"test": 2432232314}')

t.test('a request is signed as in the example of Standard Webhooks', async (t) => {
  const keys = keysOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
  t.same(signedHeaders(keys, { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body }), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

t.test(
  'while a secret is replaced, a request has a signature of the old one and of the new one',
  async (t) => {
    const [old, renewed] = [
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'whsec_plJ3nmyCDGBKInavdOK15jsl+/Ca9cRd0B8=',
    ]
    const signatures = (secrets: string) =>
      signedHeaders(keysOf(secrets), { id: 'a', timestamp: 1, body })['webhook-signature']
    t.equal(signatures(`${old} ${renewed}`), `${signatures(old)} ${signatures(renewed)}`)
  },
)
