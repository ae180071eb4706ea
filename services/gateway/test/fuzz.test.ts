import { inForm } from '@rabble/harness'
import t from 'tap'
import { surviveAll } from './fuzz.ts'

t.test('whatever stands in the log, in signals and in the queue, what is behind it arrives', (t) =>
  surviveAll(t, inForm(3_000, 40_000)),
)
