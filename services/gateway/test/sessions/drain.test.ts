import { createManualClock } from '@rabble/clock/manual'
import type { ServerFrame } from '@rabble/contract'
import { createLogger } from '@rabble/service'
import t from 'tap'
import { drain } from '../../src/sessions/drain.ts'
import type { Session } from '../../src/sessions/session.ts'

/** Returns sessions without clients. `told` gets the frames for all of them. */
function sessionsOf(count: number, told: (frame: ServerFrame) => void): Set<Session> {
  const session = () => ({ user: { id: 'a', name: 'A' }, reply: told, close: () => {} }) as unknown as Session
  return new Set(Array.from({ length: count }, session))
}

const logger = createLogger('gateway', 'silent')
const settle = async () => {}

t.test('a few clients are told at a time, over the whole window, each until the next ones are', async (t) => {
  const clock = createManualClock()
  const batches = new Map<number, number[]>()
  const allGone = new AbortController()
  let left = 150
  const sessions = sessionsOf(left, (frame) => {
    const at = clock.monotonic()
    if (frame.type === 'reconnect') batches.set(at, [...(batches.get(at) ?? []), frame.after])
    if (--left === 0) allGone.abort()
  })
  const drained = drain({ sessions, longest: 15_000, allGone: allGone.signal, settle, clock, logger })
  const began = clock.monotonic()
  await clock.advance(1_500)
  await drained
  // One step has at most 250 ms, and each client adds 10 ms: so the window is 1.5 s.
  const sizes = [...batches.values()].map(({ length }) => length)
  t.ok(Math.max(...sizes) <= 26, `at a time ${sizes}`)
  const last = Math.max(...batches.keys()) - began
  // Without the last step. Shares are rounded up, so the last ones may be told a little earlier than that.
  t.ok(last >= 1_200, `the last ones were told after ${last} ms`)
  const times = [...batches.values()].flat()
  t.equal(times.length, 150)
  t.ok(Math.max(...times) < 250, `to go after ${times} ms`)
  t.ok(new Set(times).size > 20)
})

t.test('it is over when the last one has gone, however long it might have taken', async (t) => {
  const clock = createManualClock()
  const allGone = new AbortController()
  // Leaving could take one minute.
  const sessions = sessionsOf(6_000, () => allGone.abort())
  const began = clock.monotonic()
  await drain({ sessions, longest: 60_000, allGone: allGone.signal, settle, clock, logger })
  t.equal(clock.monotonic(), began)
})
