/**
 * Returns a frame of a client as bytes (RFC 6455, section 5.2). The mask is zero, so that the payload stays as it is. `compressed`:
 * whether the bit RSV1 is set (RFC 7692, section 6).
 */
export function clientFrame(
  opcode: number,
  payload: string | Buffer = '',
  { fin = true, compressed = false } = {},
): Buffer {
  const bytes = Buffer.from(payload)
  const length = bytes.length
  const size =
    length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, ...long(length)]
  const [first = 0, ...extended] = size
  return Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode, 0x80 | first, ...extended, 0, 0, 0, 0]),
    bytes,
  ])
}

function long(length: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  return bytes
}

export const opcodes = { continuation: 0, text: 1, ping: 9, pong: 10 }
