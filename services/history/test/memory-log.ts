import { Deferred } from '@rabble/clock/deferred'
import type { LogEvent } from '@rabble/contract'
import { type EventLog, type LogBatch, type LogEntry, type LogStart, partitionOf } from '@rabble/event-log'
import { decodeBatch } from '@rabble/event-log/parts'

/** A log in memory that a test fills batch by batch, and that records from where it was read. */
export interface MemoryLog extends Pick<EventLog, 'partitions' | 'read' | 'publish'> {
  /** Where each reader started, in the order of their arrival. */
  readonly starts: { partition: number; from: LogStart }[]
  /** Appends events, as one batch for each of their partitions. Malformed ones are left out, as in any log. */
  append(...events: LogEvent[]): void
  /** Appends text as one batch of partition 0, as another program could write it. */
  inject(text: Buffer): void
  /** Appends one entry to partition 0. Its line need not be that of its event. */
  appendEntry(entry: LogEntry): void
  /** Sets the error with which the next reader, or the waiting one, fails. */
  fail(error: Error): void
  /** Empties the log. Offsets start again, as after the loss of a broker. */
  startOver(): void
  /** Starts offsets again behind the existing batches, as after a crash that cut off the broker's index. */
  loseCount(): void
  /** Forgets the oldest batches of partition 0, up to an offset, as retention does. */
  forget(offset: number): void
}

export function createMemoryLog(partitions = 1): MemoryLog {
  const starts: MemoryLog['starts'] = []
  let batches: LogBatch[][] = Array.from({ length: partitions }, () => [])
  let failure: Error | undefined
  let hasLostCount = false
  let change = new Deferred<void>()

  function changed(): void {
    change.resolve()
    change = new Deferred()
  }

  function add(list: LogBatch[], entries: LogEntry[]): void {
    const last = hasLostCount ? -2 : (list.at(-1)?.offset ?? -2)
    hasLostCount = false
    // RabbitMQ's offsets have gaps.
    list.push({ offset: last + 2, entries })
    changed()
  }

  function append(...events: LogEvent[]): void {
    for (let partition = 0; partition < partitions; partition++) {
      const own = events.filter(({ room }) => partitionOf(room, partitions) === partition)
      const list = batches[partition]
      if (own.length === 0 || list === undefined) continue
      const lines = own.map((event) => `${JSON.stringify(event)}\n`)
      add(
        list,
        decodeBatch(Buffer.from(lines.join('')), () => {}),
      )
    }
  }

  return {
    partitions,
    starts,
    append,
    publish: async (event) => append(event),
    inject: (text) =>
      add(
        batches[0] ?? [],
        decodeBatch(text, () => {}),
      ),
    appendEntry(entry) {
      add(batches[0] ?? [], [entry])
    },
    fail(error) {
      failure = error
      changed()
    },
    startOver() {
      batches = batches.map(() => [])
    },
    loseCount() {
      hasLostCount = true
    },
    forget(offset) {
      batches = batches.map((list) => list.filter((batch) => batch.offset > offset))
    },
    async *read(partition, from, signal) {
      starts.push({ partition, from })
      const list = batches[partition] ?? []
      const wanted = typeof from === 'object' && 'after' in from ? from.after : -1
      // As both real logs do when they don't hold the position: they continue with what they have, and report it.
      const startsOver = wanted > (list.at(-1)?.offset ?? -1)
      const isPassed = wanted >= 0 && list[0] !== undefined && list[0].offset > wanted + 1
      let gap = startsOver || isPassed ? { expected: wanted + 1 } : undefined
      let position = startsOver ? -1 : wanted
      const passed = new Set(list.slice(0, list.findLastIndex(({ offset }) => offset <= position) + 1))
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
      while (!signal.aborted) {
        if (failure !== undefined) {
          const error = failure
          failure = undefined
          throw error
        }
        const step: LogBatch[] = []
        for (const batch of batches[partition] ?? []) {
          if (passed.has(batch)) continue
          passed.add(batch)
          if (batch.offset <= position) gap ??= { expected: position + 1 }
          step.push(gap === undefined ? batch : { ...batch, gap })
          gap = undefined
          position = batch.offset
        }
        if (step.length > 0) yield step
        else await Promise.race([change.promise, aborted])
      }
    },
  }
}
