import { vapidKeys } from '@rabble/harness'
import t from 'tap'
import { hasValidKeys, maxEndpointLength, serviceOf } from '../../src/push/endpoint.ts'

t.test('an endpoint is one of a known push service, or of a host that the operator has listed', async (t) => {
  const known = [
    'https://fcm.googleapis.com/fcm/send/abc:def',
    'https://updates.push.services.mozilla.com/wpush/v2/gAAA',
    'https://web.push.apple.com/QLc',
    'https://db5p.notify.windows.com/w/?token=BQY%3d',
  ]
  for (const endpoint of known) t.ok(serviceOf(endpoint, []), endpoint)
  const unknown = [
    'http://fcm.googleapis.com/fcm/send/abc',
    'https://fcm.googleapis.com:8443/fcm/send/abc',
    'https://fcm.googleapis.com@10.0.0.1/',
    'https://user:password@fcm.googleapis.com/',
    'https://fcm.googleapis.com/#part',
    'https://fcm.googleapis.com.evil.example/',
    'https://evilpush.apple.com/',
    'https://push.apple.com/',
    'https://10.0.0.1/',
    'https://localhost/',
    'https://[::1]/',
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    'ftp://fcm.googleapis.com/',
    'fcm.googleapis.com',
    ' https://fcm.googleapis.com/',
    'https://fcm.googleapis.com/\0',
    'https://fcm.googleapis.com/ü',
    `https://fcm.googleapis.com/${'x'.repeat(maxEndpointLength)}`,
    '',
  ]
  for (const endpoint of unknown) t.equal(serviceOf(endpoint, []), undefined, endpoint)
})

t.test('without TLS an endpoint may only be on this machine, at a host that is listed', async (t) => {
  const hosts = ['127.0.0.1:8090', 'push.example', '*.push.example', '10.0.0.1']
  t.equal(serviceOf('http://127.0.0.1:8090/a', hosts), '127.0.0.1:8090')
  t.equal(serviceOf('http://127.0.0.1:8091/a', hosts), undefined)
  t.equal(serviceOf('http://127.0.0.1/a', hosts), undefined)
  t.equal(serviceOf('https://push.example/a', hosts), 'push.example')
  t.equal(serviceOf('https://eu.push.example/a', hosts), '*.push.example')
  t.equal(serviceOf('http://push.example/a', hosts), undefined)
  t.equal(serviceOf('http://10.0.0.1/a', hosts), undefined)
  t.ok(serviceOf('https://fcm.googleapis.com/a', hosts), 'the known ones stay')
})

t.test('the keys of a browser are a point of the curve and 16 bytes', async (t) => {
  const { publicKey: p256dh } = vapidKeys()
  const auth = Buffer.alloc(16, 1).toString('base64url')
  t.ok(hasValidKeys({ p256dh, auth }))
  const off = Buffer.from(p256dh, 'base64url')
  off.fill(1, 40)
  const wrong: [string, string][] = [
    [off.toString('base64url'), auth],
    [Buffer.alloc(65, 4).toString('base64url'), auth],
    [p256dh.slice(0, -4), auth],
    [`${p256dh}=`, auth],
    [p256dh, Buffer.alloc(15).toString('base64url')],
    [p256dh, ''],
    ['', auth],
  ]
  for (const [point, secret] of wrong) t.notOk(hasValidKeys({ p256dh: point, auth: secret }), point)
})
