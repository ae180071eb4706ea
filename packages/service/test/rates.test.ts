import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createRates } from '../src/rates.ts'

t.test('each key has a burst of its own, and then what the rate allows', async (t) => {
  const clock = createManualClock()
  const rates = createRates({ perSecond: 1, burst: 2 }, clock)
  t.same(['a', 'a', 'b', 'a'].map(rates.take), [0, 0, 0, 1000])
  await clock.advance(1000)
  t.same(['a', 'a', 'b', 'b'].map(rates.take), [0, 1000, 0, 0])
})

t.test('so many keys are remembered and no more', async (t) => {
  const rates = createRates({ perSecond: 1 }, createManualClock(), 3)
  const limited = (key: string) => rates.take(key) > 0
  t.same(['a', 'b', 'c', 'a'].map(limited), [false, false, false, true])
  // The key that was unused for longest is dropped: b for d, then c for b.
  t.same(['d', 'b', 'a', 'd', 'c'].map(limited), [false, false, true, true, false])
})
