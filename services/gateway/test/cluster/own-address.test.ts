import { until } from '@rabble/harness'
import { createLogger } from '@rabble/service'
import t from 'tap'
import { addressToward, keepFinding, urlOf } from '../../src/cluster/own-address.ts'

t.test('a machine finds the address by which it reaches a host', async (t) => {
  t.equal(await addressToward('127.0.0.1'), '127.0.0.1')
  t.equal(urlOf('10.0.0.7', 8080), 'http://10.0.0.7:8080')
  t.equal(urlOf('fd00::7', 8080), 'http://[fd00::7]:8080')
  await t.rejects(addressToward('no such host'))
})

t.test('an address that can not be found yet is found later', async (t) => {
  const lines: string[] = []
  const logger = createLogger('test', 'info', { write: (line) => lines.push(JSON.parse(line).msg) })
  let attempts = 0
  const address = keepFinding(async () => {
    if (++attempts < 4) throw new Error('the broker is down')
    return '10.0.0.7'
  }, logger)
  t.equal(address(), undefined)
  await until(() => address() !== undefined, 30_000, 'the address')
  t.equal(address(), '10.0.0.7')
  t.equal(attempts, 4, 'then it is kept')
  t.match(lines, [/^other gateways can not pass requests on to this one yet/, /^other gateways can pass/])
})
