import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { assertNothingLeft, startRabbitMq } from '@rabble/harness'
import t from 'tap'
import { event } from '../../src/conformance/fixture.ts'
import { build } from '../broker/build.ts'
import { testKill } from '../broker/kill.ts'

assertNothingLeft(t)

const broker = await startRabbitMq(t)

// The short forms of these tests are in test/broker. They count what a reader receives; these measure its memory.

t.test('a reader that does not go on holds no more than its window', async (t) => {
  const { log } = await build(t, { prefix: 'slow', url: broker.url })
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const steps = log.read(0, 'first', stop.signal)[Symbol.asyncIterator]()
  await log.publish(event('0'))
  await steps.next()
  const megabytes = 192
  const text = 'x'.repeat(250_000)
  for (let i = 0; i < megabytes; i++) {
    await Promise.all([1, 2, 3, 4].map((n) => log.publish(event(`${i}-${n}`, 'general', text))))
  }
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const held = process.memoryUsage().arrayBuffers / 1e6
  t.ok(held < 96, `${held.toFixed(0)} MB for ${megabytes} in the log`)
  let seen = 0
  while (seen < 4 * megabytes) {
    const step = await steps.next()
    for (const { entries } of step.value ?? []) seen += entries.length
  }
  t.equal(seen, 4 * megabytes)
})

testKill(t, broker, { publishers: 10, events: 2000 })
