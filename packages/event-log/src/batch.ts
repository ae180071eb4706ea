import { isUtf8 } from 'node:buffer'
import { parseLogEvent } from '@rabble/contract/parse'
import type { LogEntry } from './event-log.ts'

/*
 * A batch is the unit that the log stores: NDJSON, the line of each event followed by a line feed. JSON.stringify escapes line
 * feeds and lone surrogates, so every line that Rabble writes is one line of valid UTF-8.
 */

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Encodes lines of JSON as a batch; `bytes` is their length in UTF-8 with one line feed each. */
export function encodeBatch(lines: readonly string[], bytes: number): Buffer {
  const batch = Buffer.allocUnsafe(bytes)
  let end = 0
  for (const line of lines) {
    end += batch.write(line, end)
    batch[end++] = lineFeed
  }
  return batch
}

/**
 * Returns the events of a batch. Never throws: calls `malformed` for each line that is not an event, and continues.
 *
 * Each `line` is a view of `batch`, not a copy, and amqplib's deliveries are themselves views of one read from the socket. A
 * caller that keeps a line for longer than it takes to write it must copy it; otherwise it keeps 64 KiB in memory.
 * @param traces of its events, by the index of their lines
 */
export function decodeBatch(
  batch: Buffer,
  malformed: () => void,
  traces?: ReadonlyMap<number, string>,
): LogEntry[] {
  const entries: LogEntry[] = []
  let index = 0
  if (batch.length === 0) malformed()
  // Checks the whole batch first, because that is native and nearly always enough.
  const suspect = !isUtf8(batch) || batch.includes(carriageReturn)
  for (let start = 0; start < batch.length; ) {
    let end = batch.indexOf(lineFeed, start)
    if (end === -1) end = batch.length
    if (end > start) {
      const line = batch.subarray(start, end)
      const event = suspect && !isSafe(line) ? undefined : parseLogEvent(line)
      const traceparent = traces?.get(index++)
      if (event === undefined) malformed()
      else if (traceparent === undefined) entries.push({ event, line })
      else entries.push({ event, line, traceparent })
    }
    start = end + 1
  }
  return entries
}

/**
 * Whether a line can be forwarded unchanged. JSON.parse would accept both, but clients would not: a text frame with invalid UTF-8
 * closes a WebSocket (RFC 6455, 8.1), and a carriage return ends a line of Server-Sent Events.
 */
function isSafe(line: Buffer): boolean {
  return isUtf8(line) && !line.includes(carriageReturn)
}
