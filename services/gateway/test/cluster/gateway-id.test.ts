import { hostname } from 'node:os'
import { readSettings, SettingsError } from '@rabble/service'
import t from 'tap'
import { newGatewayId } from '../../src/cluster/gateway-id.ts'
import { parseId } from '../../src/transports/event-stream/framing.ts'
import { createSessionKey, gatewayOf, isSessionKey } from '../../src/transports/session-keys.ts'

t.test('a gateway is called after its host or its name, and each start is another gateway', (t) => {
  const ids = Array.from({ length: 100 }, () => newGatewayId('front-1'))
  t.equal(new Set(ids).size, 100)
  for (const id of ids) t.match(id, /^front-1-[0-9a-f]{8}$/)
  t.match(newGatewayId(), /^[A-Za-z0-9][\w.-]{0,47}-[0-9a-f]{8}$/)
  const plain = /^[A-Za-z0-9][A-Za-z0-9.-]{0,47}$/.test(hostname())
  if (plain) t.ok(newGatewayId().startsWith(`${hostname()}-`))
  t.end()
})

t.test('the key of a session is one, and leads to its gateway, whatever name that has', (t) => {
  for (const name of ['a', 'front-1', 'ip-10-0-0-1.eu-central-1.compute.internal', 'x'.repeat(48)]) {
    const id = newGatewayId(name)
    const key = createSessionKey(id)
    t.ok(isSessionKey(key), name)
    t.equal(gatewayOf(key), id)
    t.same(parseId(`${key}.7`), { key, number: 7 }, 'also in the id of a block')
  }
  t.end()
})

t.test('a name that no id may have is refused', (t) => {
  const read = (name: string) => readSettings({ RABBLE_GATEWAY_NAME: name }, ['RABBLE_GATEWAY_NAME'])
  t.match(read('gateway-1'), { RABBLE_GATEWAY_NAME: 'gateway-1' })
  for (const name of ['-a', 'a b', 'a/b', 'ä', 'x'.repeat(49)])
    t.throws(() => read(name), SettingsError, name)
  t.end()
})
