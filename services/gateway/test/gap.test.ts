import t from 'tap'
import { comeBackOverGap } from './gap.ts'
import { createMemoryLog } from './memory-log.ts'

t.test('who comes back over a gap is told', (t) => comeBackOverGap(t, createMemoryLog()))
