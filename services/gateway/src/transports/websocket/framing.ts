import { FrameError, parseClientFrame } from '@rabble/contract/parse'
import type { Codec } from '../../sessions/connection.ts'

/**
 * Encodes JSON texts as WebSocket text frames (RFC 6455, section 5.2: FIN, opcode 1, never masked by a server), one after the
 * other in one buffer. A server's frame is the same for every client, so it is encoded once and its bytes are shared.
 */
export const webSocketCodec: Codec = {
  name: 'websocket',
  decode(data) {
    if (typeof data !== 'string') throw new FrameError('frames are text, not binary')
    return parseClientFrame(data)
  },
  encodeEvents: encode,
  encodeReply: ({ json }) => encode([json]),
}

function encode(frames: readonly Buffer[]): Buffer {
  let size = 0
  for (const { length } of frames) size += headerSize(length) + length
  const buffer = Buffer.allocUnsafe(size)
  let at = 0
  for (const frame of frames) {
    at = writeHeader(buffer, at, frame.length)
    at += frame.copy(buffer, at)
  }
  return buffer
}

function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10
}

/** Writes the header of a frame. Returns the offset of the payload. */
function writeHeader(buffer: Buffer, at: number, length: number): number {
  buffer[at] = 0x81
  if (length < 126) {
    buffer[at + 1] = length
    return at + 2
  }
  if (length < 65_536) {
    buffer[at + 1] = 126
    return buffer.writeUInt16BE(length, at + 2)
  }
  buffer[at + 1] = 127
  return buffer.writeBigUInt64BE(BigInt(length), at + 2)
}
