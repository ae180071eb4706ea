import t from 'tap'
import { networkOf } from '../src/address.ts'

t.test('an IPv6 address counts as its network', async (t) => {
  const table = {
    '192.0.2.1': '192.0.2.1',
    '::ffff:192.0.2.1': '192.0.2.1',
    '2001:db8::1': '2001:db8:0:0::/64',
    '2001:0DB8:0:0:1:2:3:4': '2001:db8:0:0::/64',
    '::1': '0:0:0:0::/64',
    'fe80::1:2%eth0': 'fe80:0:0:0::/64',
  }
  for (const [address, network] of Object.entries(table)) t.equal(networkOf(address), network)
})
