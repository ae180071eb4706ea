import { createManualClock } from '@rabble/clock/manual'
import { testEventLog } from '@rabble/event-log/conformance'
import t from 'tap'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

/** Limits (ms) for tests of other things: a machine that stalls for a while must refuse nothing. */
const longTimeouts = { publishTimeout: 120_000 }

t.test('the log of these tests conforms', async (t) => {
  testEventLog(t, async (t) => {
    // All handles are the same object, as in a process.
    let log: MemoryLog | undefined
    let kept: MemoryLog['kept'] | undefined
    let thaw = () => {}
    const clock = createManualClock()
    t.teardown(() => log?.close())
    return {
      clock,
      async open({ partitions, ...options } = {}) {
        if (log !== undefined) return log
        const limits = { ...longTimeouts, ...options.limits }
        const opened = createMemoryLog(partitions, { ...options, clock, limits, ...(kept && { kept }) })
        log = opened
        kept = opened.kept
        const { close } = opened
        opened.close = () => {
          log = undefined
          return close()
        }
        return opened
      },
      async inject(text) {
        log?.inject(text)
      },
      freeze() {
        thaw = log?.freeze() ?? thaw
      },
      thaw: () => thaw(),
    }
  })
})
