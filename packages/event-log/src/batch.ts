import { isUtf8 } from 'node:buffer'
import { parseLogEvent } from '@rabble/contract/parse'
import type { LogEntry } from './event-log.ts'

/*
 * A batch is what the log stores as one: NDJSON, each event's line followed by a line feed. JSON.stringify escapes line
 * feeds and lone surrogates, so every line that comes from here is one line of valid UTF-8.
 */

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Lines of JSON as a batch; `bytes` is their length in UTF-8 with one line feed each. */
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
 * The events of a batch. Never throws: calls `malformed` for each line that is no event, and goes on.
 *
 * Each `line` is a view of `batch`, not a copy, and amqplib's deliveries are themselves views of what one read from the
 * socket brought: whoever keeps a line for longer than it takes to write it must copy it, or keeps 64 KiB with it.
 */
export function decodeBatch(batch: Buffer, malformed: () => void): LogEntry[] {
  const entries: LogEntry[] = []
  if (batch.length === 0) malformed()
  // One look at the whole, because it is native and nearly always enough.
  const suspect = !isUtf8(batch) || batch.includes(carriageReturn)
  for (let start = 0; start < batch.length; ) {
    let end = batch.indexOf(lineFeed, start)
    if (end === -1) end = batch.length
    if (end > start) {
      const line = batch.subarray(start, end)
      const event = suspect && !isSafe(line) ? undefined : parseLogEvent(line)
      if (event === undefined) malformed()
      else entries.push({ event, line })
    }
    start = end + 1
  }
  return entries
}

/**
 * Whether a line can be forwarded as it is. JSON.parse would take both, the clients would not: a text frame that is no
 * UTF-8 closes a WebSocket (RFC 6455, 8.1), and a carriage return ends a line of Server-Sent Events.
 */
function isSafe(line: Buffer): boolean {
  return isUtf8(line) && !line.includes(carriageReturn)
}
