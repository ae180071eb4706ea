import { createManualClock, type ManualClock } from '@rabble/clock/manual'
import { connectChat } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build } from '../build.ts'
import { createMemoryLog, type MemoryLog } from '../memory-log.ts'
import { pass } from '../time.ts'

const deliveryTimes = { interval: 10, quiet: 50, timeout: 300 }
/** Time (ms) that passes at once: several checks, but only a fraction of the gateway's timeout. */
const step = 50

interface FragileLog extends MemoryLog {
  /** Reasons for which its connections were replaced. */
  reconnects: string[]
  /** Number of reconnects after which it delivers again. */
  attempts: number
  /** Number of checks of a gateway, which measures all its times in checks. */
  looks: number
}

/** Creates a log that may stop delivering. */
function createFragileLog(clock: ManualClock): FragileLog {
  const log = createMemoryLog(2, { clock })
  const { status } = log
  const fragile: FragileLog = Object.assign(log, {
    reconnects: [],
    attempts: Number.POSITIVE_INFINITY,
    looks: 0,
    status(this: FragileLog) {
      this.looks++
      return status.call(this)
    },
    reconnect(this: FragileLog, reason: string) {
      if (this.reconnects.push(reason) >= this.attempts) this.stalled = undefined
    },
  })
  return fragile
}

async function buildFragile(t: Test) {
  const clock = createManualClock()
  const log = createFragileLog(clock)
  const gateway = await build(t, { log, clock, deliveryTimes })
  // The first marks are written and come back.
  await pass(clock, step, () => log.length > 6, 'marks to be written')
  t.equal(gateway.gateway.unready(), undefined)
  t.strictSame(log.reconnects, [])
  return { ...gateway, log, clock }
}

t.test(
  'a reader that gets nothing makes its gateway unready, is connected anew, and all is well',
  async (t) => {
    const { gateway, log, clock, metric, ws } = await buildFragile(t)
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general')
    log.stalled = 'log'
    await pass(clock, step, () => gateway.unready() !== undefined, 'it to be noticed')
    t.match(gateway.unready(), /^nothing comes from partition \d of the log, which takes events$/)
    await t.rejects(connectChat(t, ws), { message: /503/ }, 'nobody should come here')
    const { id } = await ada.send('general', 'is anybody there?')
    log.attempts = log.reconnects.length + 5
    await pass(clock, step, () => gateway.unready() === undefined, 'it to be mended')
    await ada.sees(id)
    t.ok(log.reconnects.length >= log.attempts, 'tried until it helped')
    t.equal(await metric('rabble_gateway_stalled_total', { way: 'log' }), log.reconnects.length)
    t.equal(await metric('rabble_gateway_stalled_total', { way: 'signals' }), 0)
    await connectChat(t, ws)
  },
)

t.test('a log that is down is not made anew: there is nothing to arrive', async (t) => {
  const { gateway, log, clock } = await buildFragile(t)
  const { signal } = log
  let signals = 0
  log.signal = (told) => {
    signals++
    signal.call(log, told)
  }
  log.stalled = 'signals'
  await pass(clock, step, () => signals > 0, 'something that does not arrive')
  log.broken = true
  // The gateway would miss it within this time.
  await clock.advance(5 * deliveryTimes.timeout)
  t.equal(gateway.unready(), undefined, 'the check of the log tells')
  t.strictSame(log.reconnects, [])
  log.broken = false
  await pass(clock, step, () => log.reconnects.length > 0, 'it to be missed once the log is back')
})

t.test('a log in which something happens gets no marks', async (t) => {
  const clock = createManualClock()
  const log = createFragileLog(clock)
  await build(t, { log, clock, deliveryTimes: { interval: 10, quiet: 1_000, timeout: 10_000 } })
  const before = log.length
  let injected = 0
  // Within twice the checks of the longest silence, a mark would have come.
  for (const enough = log.looks + 240; log.looks < enough; injected += 2) {
    for (const partition of [0, 1]) log.inject('{"type":"of a later version","room":"x","id":"x"}', partition)
    await clock.advance(20)
  }
  t.equal(log.length - before, injected)
})
