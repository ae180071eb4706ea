import t from 'tap'
import { Deferred } from '../src/deferred.ts'
import { createManualClock } from '../src/manual-clock.ts'
import { inTime, orAborted } from '../src/race.ts'

t.test('a promise that is settled in time counts, and no timer is left', async (t) => {
  const clock = createManualClock()
  t.equal(await inTime(Promise.resolve(1), 100, clock), 1)
  await t.rejects(inTime(Promise.reject(new Error('broken')), 100, clock), { message: 'broken' })
  t.equal(clock.pending, 0)
})

t.test('a promise that takes too long gives undefined, and may still be rejected', async (t) => {
  const clock = createManualClock()
  const work = new Deferred<number>()
  const result = inTime(work.promise, 100, clock)
  await clock.advance(100)
  t.equal(await result, undefined)
  work.reject(new Error('too late'))
})

t.test('a promise counts until the signal aborts', async (t) => {
  const stop = new AbortController()
  t.equal(await orAborted(Promise.resolve(1), stop.signal), 1)
  const work = new Deferred<number>()
  const result = orAborted(work.promise, stop.signal)
  stop.abort()
  t.equal(await result, undefined)
  t.equal(await orAborted(work.promise, stop.signal), undefined, 'nor is it awaited afterwards')
  work.reject(new Error('too late'))
})
