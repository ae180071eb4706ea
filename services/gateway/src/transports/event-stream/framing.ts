import { FrameError, parseClientFrame } from '@rabble/contract/parse'
import type { Codec } from '../../sessions/connection.ts'
import { sessionKeyPattern } from '../session-keys.ts'

/**
 * Encodes JSON texts as `data` lines of an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). They are
 * the same for every client, so they are encoded once. The connection adds the line that ends a block.
 */
export const eventStreamCodec: Codec = {
  name: 'event-stream',
  decode(data) {
    if (typeof data !== 'string') throw new FrameError('frames are text, not binary')
    return parseClientFrame(data)
  },
  encodeEvents: encode,
  encodeReply: ({ json }) => encode([json]),
}

const prefix = Buffer.from('data: ')
const lineFeed = 0x0a
const zero = 0x30

function encode(frames: readonly Buffer[]): Buffer {
  let size = 0
  for (const { length } of frames) size += prefix.length + length + 1
  const buffer = Buffer.allocUnsafe(size)
  let at = 0
  for (const frame of frames) {
    at += prefix.copy(buffer, at)
    at += frame.copy(buffer, at)
    buffer[at++] = lineFeed
  }
  return buffer
}

/** Encodes a block that is no frame. */
export function namedEvent(name: 'session' | 'close', data: object): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n`)
}

/** Number of digits to which the numbers of blocks are filled up, so that the ids of all clients have the same length. */
const numberDigits = 12

/** Returns the id of a block. */
export function idOf(key: string, number: number): string {
  return `${key}.${String(number).padStart(numberDigits, '0')}`
}

const beforeId = 'id: '
const afterId = '\n\n'
const chunkEnd = '\r\n'

/**
 * Returns the bytes of blocks, with the id of each behind it; `first` is the number of the first one. `inChunk`: as one chunk of a
 * response (RFC 9112, section 7.1). All of it is one buffer, since each further piece of a write costs more than the copy.
 */
export function joinBlocks(key: Buffer, first: number, blocks: readonly Buffer[], inChunk: boolean): Buffer {
  const name = key.toString('latin1')
  const ends = blocks.map((_, n) => `${beforeId}${idOf(name, first + n)}${afterId}`)
  let length = 0
  for (const [n, block] of blocks.entries()) length += block.length + (ends[n]?.length ?? 0)
  const head = inChunk ? `${length.toString(16)}\r\n` : ''
  const tail = inChunk ? chunkEnd : ''
  const buffer = Buffer.allocUnsafe(head.length + length + tail.length)
  let at = buffer.write(head, 0, 'latin1')
  for (const [n, block] of blocks.entries()) {
    at += block.copy(buffer, at)
    at += buffer.write(ends[n] ?? '', at, 'latin1')
  }
  buffer.write(tail, at, 'latin1')
  return buffer
}

/** Replaces the last id in joined blocks by that of another client, whose key has the same length. */
export function replaceId(bytes: Buffer, key: Buffer, number: number, inChunk: boolean): void {
  const end = bytes.length - (inChunk ? chunkEnd.length : 0) - afterId.length
  bytes.set(key, end - numberDigits - 1 - key.length)
  let rest = number
  // By hand, since that costs a tenth of a string of digits and its encoding.
  for (let at = end - 1; at >= end - numberDigits; at--) {
    const tens = Math.trunc(rest / 10)
    bytes[at] = zero + rest - 10 * tens
    rest = tens
  }
}

/** A line that clients ignore, as it is and as a chunk. */
export const comment = Buffer.from(':\n\n')
export const commentChunk = Buffer.from('3\r\n:\n\n\r\n')

const idPattern = new RegExp(`^(${sessionKeyPattern})\\.(\\d{1,15})$`)

/** Returns the key of a session and the number of a block, from the block's id; undefined if it is none. */
export function parseId(id: unknown): { key: string; number: number } | undefined {
  const match = typeof id === 'string' ? idPattern.exec(id) : null
  return match?.[1] === undefined ? undefined : { key: match[1], number: Number(match[2]) }
}
