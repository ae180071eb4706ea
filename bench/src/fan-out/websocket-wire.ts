import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Wire, WireOptions } from './wire.ts'

/** Connects over a WebSocket. Resolves once it is open. */
export function openWebSocketWire({ port, path, onFrame, onFailure }: WireOptions): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let isOpen = false
  let buffered: Buffer = Buffer.alloc(0)
  const wire: Wire = { send: (text) => socket.write(encode(text)) }

  return new Promise((resolve) => {
    socket.on('error', (error) => onFailure(error.message))
    socket.on('close', () => onFailure('the connection was closed'))
    socket.on('connect', () => socket.write(upgrade(port, path)))
    socket.on('data', (chunk) => {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
      if (!isOpen) {
        const end = buffered.indexOf('\r\n\r\n')
        if (end === -1) return
        buffered = buffered.subarray(end + 4)
        isOpen = true
        resolve(wire)
      }
      buffered = takeFrames(buffered, onFrame)
    })
  })
}

function upgrade(port: number, path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: rabble.v1',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    '\r\n',
  ].join('\r\n')
}

/** Returns a text frame of at most 64 KiB, masked with zeros: RFC 6455, 5.2 and 5.3. */
function encode(text: string): Buffer {
  const payload = Buffer.from(text)
  const long = payload.length > 125
  const head = Buffer.alloc(long ? 8 : 6)
  head[0] = 0x81
  head[1] = 0x80 | (long ? 126 : payload.length)
  if (long) head.writeUInt16BE(payload.length, 2)
  return Buffer.concat([head, payload])
}

/** Passes the payloads of all complete text frames to `receive`. Returns the remaining bytes. */
function takeFrames(bytes: Buffer, receive: (payload: Buffer) => void): Buffer {
  let start = 0
  while (bytes.length - start >= 2) {
    let length = (bytes[start + 1] ?? 0) & 0x7f
    let head = 2
    if (length === 126) {
      if (bytes.length - start < 4) break
      length = bytes.readUInt16BE(start + 2)
      head = 4
    } else if (length === 127) {
      if (bytes.length - start < 10) break
      length = Number(bytes.readBigUInt64BE(start + 2))
      head = 10
    }
    const end = start + head + length
    if (bytes.length < end) break
    // Other frames, such as pings, are ignored.
    if (((bytes[start] ?? 0) & 0x0f) === 1) receive(bytes.subarray(start + head, end))
    start = end
  }
  return bytes.subarray(start)
}
