/** First bytes of text and binary frames (RFC 6455, section 5.2): FIN, and the opcode 1 or 2. */
const textStart = 0x81
const binaryStart = 0x82
/** A text frame with the bit RSV1: it is compressed (RFC 7692, section 6). */
const compressedStart = 0xc1

/** Encodes texts as WebSocket text frames, one after the other in one buffer. */
export function encodeTextFrames(texts: readonly Buffer[]): Buffer {
  return encode(texts, textStart)
}

/** Encodes bytes as a WebSocket binary frame. */
export function encodeBinaryFrame(bytes: Buffer): Buffer {
  return encode([bytes], binaryStart)
}

/** Encodes compressed texts as WebSocket text frames, one after the other in one buffer. */
export function encodeCompressedFrames(payloads: readonly Buffer[]): Buffer {
  return encode(payloads, compressedStart)
}

/** A server never masks a frame. So it is the same for every client, is encoded once, and its bytes are shared. */
function encode(frames: readonly Buffer[], start: number): Buffer {
  let size = 0
  for (const { length } of frames) size += headerSize(length) + length
  const buffer = Buffer.allocUnsafe(size)
  let at = 0
  for (const frame of frames) {
    buffer[at] = start
    at = writeLength(buffer, at, frame.length)
    at += frame.copy(buffer, at)
  }
  return buffer
}

function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10
}

/** Writes the length of a frame that begins at an offset. Returns the offset of the payload. */
function writeLength(buffer: Buffer, at: number, length: number): number {
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

/** Returns the texts of frames that `encodeTextFrames` has encoded. */
export function decodeTextFrames(buffer: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at < buffer.length; ) {
    const short = buffer[at + 1] ?? 0
    const begin = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
    const length =
      short < 126
        ? short
        : short === 126
          ? buffer.readUInt16BE(at + 2)
          : Number(buffer.readBigUInt64BE(at + 2))
    at = begin + length
    texts.push(buffer.toString('utf8', begin, at))
  }
  return texts
}
