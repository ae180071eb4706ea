import { testEventLog } from '@rabble/event-log/conformance'
import t from 'tap'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

/** For tests that are not about it: a machine that stands still for a while refuses nothing. Milliseconds. */
const patient = { publishTimeout: 120_000 }

t.test('the log of these tests conforms', async (t) => {
  testEventLog(t, async (t) => {
    // All handles are one, as in a process.
    let log: MemoryLog | undefined
    let kept: MemoryLog['kept'] | undefined
    let thaw = () => {}
    // While a publish waits for its time limit, nothing else keeps this process.
    const alive = setInterval(() => {}, 60_000)
    t.teardown(async () => {
      clearInterval(alive)
      await log?.close()
    })
    return {
      async open({ partitions, ...options } = {}) {
        if (log !== undefined) return log
        const limits = { ...patient, ...options.limits }
        const opened = createMemoryLog(partitions, { ...options, limits, ...(kept && { kept }) })
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
