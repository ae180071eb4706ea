import { createManualClock } from '@rabble/clock/manual'
import { connectChat } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'
import { pass } from './time.ts'

t.test(
  'a gateway whose clock is minutes ahead or behind remembers the last minute of the log, and no more',
  async (t) => {
    for (const ahead of [120_000, -120_000]) {
      const logClock = createManualClock()
      const log = createMemoryLog(1, { clock: logClock })
      const first = await build(t, { log })
      const ada = await connectChat(t, first.ws, { name: 'Ada' })
      await ada.join('general')
      await ada.send('general', 'of an hour ago')
      await logClock.advance(3_600_000)
      const { id } = await ada.send('general', 'of just now')
      const second = await build(t, { log, clock: createManualClock(logClock.now() + ahead) })
      const bob = await connectChat(t, second.ws, { name: 'Bob' })
      t.strictSame(
        (await bob.join('general')).events.map((event) => event.id),
        [id],
        `${ahead} ms ahead`,
      )
    }
  },
)

t.test('a gateway whose mark the log passes over publishes it again, and becomes ready', async (t) => {
  const clock = createManualClock()
  const log = createMemoryLog(1, { clock })
  let passedOver = 0
  const forgetful: MemoryLog = {
    ...log,
    async *read(...args) {
      for await (const step of log.read(...args)) {
        if (passedOver++ > 0) yield step
      }
    },
  }
  const { gateway } = await build(t, { log: forgetful, clock, ready: false })
  await pass(clock, 1_000, () => passedOver > 0, 'the first mark')
  t.equal(gateway.unready(), 'reading the last minute of the log')
  await pass(clock, 1_000, () => gateway.unready() === undefined, 'the gateway to be ready')
})
