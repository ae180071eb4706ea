import type { EventLog, LogBatch, LogStart } from '@rabble/event-log'
import type { Position } from './projection.ts'
import { lastIdOf } from './step.ts'

/**
 * What the log holds after a position, for ever, with `gap` on the first batch behind each place where something is
 * missing. The batch at the position is read once more, since an offset alone may lie: the log's retention may have
 * passed it, or another log, made after the loss of the first, may have that offset by now. A log that starts over is read
 * from its beginning, since all of it is new, or is known by its ids.
 */
export async function* readOn(
  log: Pick<EventLog, 'read'>,
  partition: number,
  position: Position,
  signal: AbortSignal,
): AsyncGenerator<LogBatch[]> {
  const { offset } = position
  let start: LogStart = offset === null ? 'first' : { after: offset - 1 }
  let known = offset === null ? undefined : { offset, lastId: position.lastId }
  let gap: LogBatch['gap']
  for (;;) {
    let isOver = false
    for await (const batches of log.read(partition, start, signal)) {
      const from = known === undefined ? batches : continuationOf(known, batches)
      known = undefined
      const over = from.findIndex(startsOver)
      const sound = over < 0 ? from : from.slice(0, over)
      const first = sound[0]
      if (first !== undefined && gap !== undefined) {
        sound[0] = { ...first, gap }
        gap = undefined
      }
      if (sound.length > 0) yield sound
      if (over < 0) continue
      gap ??= from[over]?.gap
      isOver = true
      break
    }
    if (!isOver) return
    start = 'first'
  }
}

function startsOver({ offset, gap }: LogBatch): boolean {
  return gap !== undefined && offset < gap.expected
}

/** The first batches after a position, of which the one at the position must be the first. */
function continuationOf({ offset, lastId }: Position & { offset: number }, batches: LogBatch[]): LogBatch[] {
  const [first, ...others] = batches
  if (first === undefined) return []
  if (first.offset === offset) {
    const found = lastIdOf(first)
    // Not known: of a history that did not yet write it down.
    if (lastId === null || lastId === found) return others
  }
  const { gap: _, ...batch } = first
  // The batch at the position is gone, and the very next is there: nothing is missing. See the reader of RabbitMQ.
  if (first.offset === offset + 1) return [batch, ...others]
  return [{ ...batch, gap: { expected: offset + 1 } }, ...others]
}
