import type { EventLog, LogBatch, ReadOptions } from '@rabble/event-log'
import type { Position } from './projection.ts'
import { lastIdOf } from './step.ts'

/**
 * Yields what the log holds after a position, endlessly. `gap` is set on the first batch after each place where something is
 * missing. The batch at the position is read again, since an offset alone is not reliable: the log's retention may have passed
 * it, or another log, created after the loss of the first, may have that offset by now. Such a log is read from its beginning,
 * since all of it is new, or is known by its ids. If the log starts over while it is read, its reader does the same.
 */
export async function* resumeReading(
  log: Pick<EventLog, 'read'>,
  partition: number,
  position: Position,
  signal: AbortSignal,
  options?: ReadOptions,
): AsyncGenerator<LogBatch[]> {
  const { offset } = position
  let gap: LogBatch['gap']
  if (offset !== null) {
    let isFirst = true
    for await (const batches of log.read(partition, { after: offset - 1 }, signal, options)) {
      const from = isFirst ? continuationOf({ ...position, offset }, batches) : batches
      if (isFirst && from[0] !== undefined && startsOver(from[0])) {
        gap = from[0].gap
        break
      }
      isFirst = false
      if (from.length > 0) yield from
    }
    if (gap === undefined) return
  }
  for await (const [first, ...others] of log.read(partition, 'first', signal, options)) {
    if (first === undefined) continue
    yield [gap === undefined ? first : { ...first, gap }, ...others]
    gap = undefined
  }
}

function startsOver({ offset, gap }: LogBatch): boolean {
  return gap !== undefined && offset < gap.expected
}

/** Returns the batches after a position. The first of `batches` is expected to be the one at the position. */
function continuationOf({ offset, lastId }: Position & { offset: number }, batches: LogBatch[]): LogBatch[] {
  const [first, ...others] = batches
  if (first === undefined) return []
  if (first.offset === offset) {
    const found = lastIdOf(first)
    // Null: an earlier version of history did not record it.
    if (lastId === null || lastId === found) return others
  }
  const { gap: _, ...batch } = first
  // The batch at the position is gone, but the very next one is there, so nothing is missing. See the reader of RabbitMQ.
  if (first.offset === offset + 1) return [batch, ...others]
  return [{ ...batch, gap: { expected: offset + 1 } }, ...others]
}
