import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createLogger } from '../src/logger.ts'
import { type LoggedRetryOptions, retryLogged } from '../src/retry-logged.ts'

/** Creates work that fails a number of times before it succeeds, and records its results. */
function build(failures: number, isPassing?: LoggedRetryOptions['isPassing']) {
  const clock = createManualClock(0)
  const stop = new AbortController()
  const calls: number[] = []
  const lines: string[] = []
  const work = async () => {
    calls.push(clock.now())
    if (calls.length <= failures) throw new Error('no answer')
    return 'done'
  }
  const result = retryLogged(work, {
    clock,
    signal: stop.signal,
    logger: createLogger('test', 'trace', { write: (line) => lines.push(JSON.parse(line).msg) }),
    backoff: { first: 100, longest: 1_000 },
    doing: 'writing',
    ...(isPassing && { isPassing }),
  })
  result.catch(() => {})
  return { clock, stop, calls, lines, result }
}

t.test('pauses double up to the longest, and each is its half at least', async (t) => {
  for (const [random, times] of [
    [0, [0, 50, 150, 350, 750, 1_250, 1_750]],
    [1, [0, 100, 300, 700, 1_500, 2_500, 3_500]],
  ] as const) {
    t.intercept(Math, 'random', { value: () => random })
    const { clock, calls, result } = build(6)
    await clock.advance(10_000)
    t.equal(await result, 'done')
    t.strictSame(calls, times)
  }
})

t.test('an outage is two lines in the log, and success is none', async (t) => {
  for (const [failures, expected] of [
    [0, []],
    [20, ['writing failed, retrying', 'writing works again']],
  ] as const) {
    const { clock, lines, result } = build(failures)
    await clock.advance(100_000)
    t.equal(await result, 'done')
    t.strictSame(lines, expected)
  }
})

t.test(
  'it ends with the last error at once when it is stopped, or when trying again can’t help',
  async (t) => {
    const stopped = build(Number.POSITIVE_INFINITY)
    await stopped.clock.advance(0)
    stopped.stop.abort()
    await t.rejects(stopped.result, { message: 'no answer' })
    const hopeless = build(Number.POSITIVE_INFINITY, () => false)
    await t.rejects(hopeless.result, { message: 'no answer' })
    t.strictSame([stopped.calls, hopeless.calls], [[0], [0]])
  },
)
