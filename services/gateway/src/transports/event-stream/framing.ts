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

/** Encodes a block that is no frame, without its end. */
export function namedEvent(name: 'session' | 'close', data: object): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n`)
}

/** Encodes the end of the block with this number. */
export function blockEnd(key: string, number: number): Buffer {
  return Buffer.from(`id: ${key}.${number}\n\n`, 'latin1')
}

/** A line that clients ignore. */
export const comment = Buffer.from(':\n\n')

const idPattern = new RegExp(`^(${sessionKeyPattern})\\.(\\d{1,15})$`)

/** Returns the key of a session and the number of a block, from the block's id; undefined if it is none. */
export function parseId(id: unknown): { key: string; number: number } | undefined {
  const match = typeof id === 'string' ? idPattern.exec(id) : null
  return match?.[1] === undefined ? undefined : { key: match[1], number: Number(match[2]) }
}
