import { createHash } from 'node:crypto'
import { isChatEvent } from '@rabble/contract/parse'
import type { LogBatch } from '@rabble/event-log'
import type { Gap, Position } from '../projection/projection.ts'
import { lastIdOf } from '../projection/step.ts'

/** Limits of a request. A single event may exceed the bytes. */
export interface RequestLimits {
  events: number
  bytes: number
}

/** Many servers accept no more than 100 kB unless they are configured otherwise. */
export const defaultRequestLimits: RequestLimits = { events: 500, bytes: 96 * 1024 }

export interface WebhookRequest {
  /**
   * Derived from the body: requests with one id have the same content. After a crash the events may be divided in another way,
   * and a receiver that drops an id that it knows must drop nothing else with it.
   */
  id: string
  body: Buffer
  events: number
  /** Time of its first event, as the event has it. */
  oldest: string | undefined
  gap: Gap | undefined
}

/** A part of a partition's log, and the request that carries its events. */
export interface Portion {
  /** Undefined if the receiver gets none of its events. */
  request: WebhookRequest | undefined
  /** Position behind the portion; that before the batch if the portion ends inside of one. */
  to: Position
}

/** Divides batches of the log that follow a position into portions, in order. */
export function* portionsOf(
  partition: number,
  position: Position,
  batches: readonly LogBatch[],
  isSent: (room: string) => boolean,
  limits: RequestLimits = defaultRequestLimits,
): Generator<Portion> {
  let to = position
  let lines: Buffer[] = []
  let bytes = 0
  let oldest: string | undefined
  let gap: Gap | undefined

  function take(): Portion {
    const isEmpty = lines.length === 0 && gap === undefined
    const request = isEmpty ? undefined : requestOf(partition, lines, oldest, gap)
    lines = []
    bytes = 0
    oldest = undefined
    gap = undefined
    return { request, to }
  }

  for (const batch of batches) {
    if (batch.gap !== undefined) {
      if (lines.length > 0) yield take()
      gap = { expected: batch.gap.expected, found: batch.offset }
    }
    for (const { event, line } of batch.entries) {
      if (!isChatEvent(event) || !isSent(event.room)) continue
      const isFull = lines.length >= limits.events || bytes + line.length > limits.bytes
      if (isFull && lines.length > 0) yield take()
      lines.push(line)
      bytes += line.length
      oldest ??= event.at
    }
    to = { offset: batch.offset, lastId: lastIdOf(batch) }
  }
  yield take()
}

/** Puts lines of the log into a body, byte for byte. */
function requestOf(
  partition: number,
  lines: readonly Buffer[],
  oldest: string | undefined,
  gap: Gap | undefined,
): WebhookRequest {
  const told = gap === undefined ? '' : `,"gap":${JSON.stringify(gap)}`
  const parts: Uint8Array[] = [
    Buffer.from(`{"type":"events","data":{"partition":${partition}${told},"events":[`),
  ]
  for (const [index, line] of lines.entries()) {
    if (index > 0) parts.push(comma)
    parts.push(line)
  }
  parts.push(end)
  const body = Buffer.concat(parts)
  const id = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  return { id, body, events: lines.length, oldest, gap }
}

const comma = Buffer.from(',')
const end = Buffer.from(']}}')
