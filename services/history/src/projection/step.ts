import { isChatEvent, isPersonalEvent } from '@rabble/contract/parse'
import type { Database } from '@rabble/database'
import type { LogBatch } from '@rabble/event-log'
import { storable } from '../text/storable.ts'
import type { Position, Step } from './projection.ts'

/** Limits of one transaction. A single batch of the log may exceed them: it is never divided. */
export interface StepLimits {
  events: number
  bytes: number
}

/**
 * A larger step updates the row of a room or of a reader less often. PGlite, which has one connection and shares a core with the
 * gateway, must not be held for long.
 */
export const defaultStepLimits: Record<Database['kind'], StepLimits> = {
  postgres: { events: 5_000, bytes: 2 * 1024 * 1024 },
  pglite: { events: 2_000, bytes: 2 * 1024 * 1024 },
}

/** A step of the log, with the number of its events including those left out. */
export interface CountedStep extends Step {
  toId: string | null
  events: number
  /** Its traced events: the `traceparent` of each. Absent if there are none. */
  traces?: string[]
}

/** Cuts batches of the log into steps, in order. Only messages, their changes and events of users, of version 1, are kept. */
export function* stepsOf(
  partition: number,
  position: Position,
  batches: LogBatch[],
  limits: StepLimits,
): Generator<CountedStep> {
  let from = position
  let step = startStep(partition, from)
  let bytes = 0
  for (const [index, batch] of batches.entries()) {
    const { offset, entries, gap } = batch
    if (gap !== undefined) step.gap = { expected: gap.expected, found: offset }
    for (const { event, line, traceparent } of entries) {
      step.events++
      bytes += line.length
      if (isChatEvent(event) || isPersonalEvent(event)) step.entries.push({ event, line })
      if (traceparent !== undefined) {
        step.traces ??= []
        step.traces.push(traceparent)
      }
    }
    const next = batches[index + 1]
    const isFull = step.events >= limits.events || bytes >= limits.bytes
    // A gap can only be recorded before the first event of a step.
    if (next !== undefined && next.gap === undefined && !isFull) continue
    const to = { offset, lastId: lastIdOf(batch) }
    yield { ...step, to: to.offset, toId: to.lastId }
    from = to
    step = startStep(partition, from)
    bytes = 0
  }
}

/** Returns the id by which a batch is recognized; null if it holds no event. */
export function lastIdOf({ entries }: LogBatch): string | null {
  const last = entries.at(-1)
  return last === undefined ? null : storable(last.event.id)
}

function startStep(partition: number, from: Position): Omit<CountedStep, 'to' | 'toId'> {
  return { partition, from: from.offset, fromId: from.lastId, entries: [], events: 0 }
}
