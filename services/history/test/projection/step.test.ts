import type { LogBatch } from '@rabble/event-log'
import t from 'tap'
import { defaultStepLimits, stepsOf } from '../../src/projection/step.ts'
import { message } from '../message.ts'

/** Returns batches with these numbers of events, whose lines have `bytes` bytes each. */
function batchesOf(sizes: number[], bytes = 100): LogBatch[] {
  return sizes.map((size, offset) => ({
    offset,
    entries: Array.from({ length: size }, (_, n) => ({
      event: message(`${offset}-${n}`),
      line: Buffer.alloc(bytes),
    })),
  }))
}

function stepped(batches: LogBatch[]) {
  return [...stepsOf(0, { offset: null, lastId: null }, batches, defaultStepLimits.pglite)]
}

const sizesOf = (batches: LogBatch[]) => stepped(batches).map(({ events }) => events)

t.test('a step holds no more than it may, and many small batches share one', async (t) => {
  t.strictSame(sizesOf(batchesOf(Array(5_000).fill(1))), [2_000, 2_000, 1_000])
  t.strictSame(sizesOf(batchesOf([1, 1, 1, 1, 1], 2 ** 20)), [2, 2, 1], 'in bytes')
  t.strictSame(sizesOf(batchesOf([1, 3_000, 1])), [3_001, 1], 'a batch is never divided')
})

t.test('a step says from where to where it goes, and a gap stands before its first event', async (t) => {
  const batches = batchesOf([1, 1, 1, 1])
  const [first, second, third, fourth] = batches as [LogBatch, LogBatch, LogBatch, LogBatch]
  const steps = stepped([first, second, { ...third, gap: { expected: 2 } }, fourth])
  t.strictSame(
    steps.map(({ from, fromId, to, toId, events, gap }) => ({ from, fromId, to, toId, events, gap })),
    [
      { from: null, fromId: null, to: 1, toId: '1-0', events: 2, gap: undefined },
      { from: 1, fromId: '1-0', to: 3, toId: '3-0', events: 2, gap: { expected: 2, found: 2 } },
    ],
  )
})
