import t from 'tap'
import { surviveAll } from '../fuzz.ts'

t.test('whatever stands in a million lines of the log, what is behind it arrives', (t) =>
  surviveAll(t, 1_000_000),
)
