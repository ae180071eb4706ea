import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { constants, deflateRawSync } from 'node:zlib'

/** A WebSocket (RFC 6455) that costs as little CPU as possible: the generator shares the machine with the servers. */
export interface ClientSocket {
  send(text: string): void
  close(): void
}

export interface SocketOptions {
  port: number
  /** Path with the query. */
  path: string
  protocol?: string
  /** Whether to ask for compression (RFC 7692), and to compress what is sent, as browsers do. Default: false. */
  compressed?: boolean
  /**
   * Called for each text or binary frame: its payload is in `bytes` from `start` to `end`, valid during the call only. `isCompressed`:
   * whether it is compressed, and is not inflated here.
   */
  onFrame(bytes: Buffer, start: number, end: number, isCompressed: boolean): void
  /** Called with the number of bytes of each chunk that arrives. */
  onBytes?(count: number): void
  onFailure(reason: string): void
}

/** Connects. Resolves once the WebSocket is open. */
export function openSocket(options: SocketOptions): Promise<ClientSocket> {
  const { port, compressed = false, onFrame, onBytes, onFailure } = options
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let isOpen = false
  let isClosed = false
  let rest: Buffer = Buffer.alloc(0)
  const fail = (reason: string) => !isClosed && onFailure(reason)
  const opened: ClientSocket = {
    send: (text) => socket.write(encode(text, compressed)),
    close() {
      isClosed = true
      socket.destroy()
    },
  }
  return new Promise((resolve) => {
    socket.on('error', (error) => fail(error.message))
    socket.on('close', () => fail('the connection was closed'))
    socket.on('connect', () => socket.write(upgrade(options)))
    socket.on('data', (chunk) => {
      onBytes?.(chunk.length)
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      if (!isOpen) {
        const end = bytes.indexOf('\r\n\r\n')
        if (end === -1) {
          rest = bytes
          return
        }
        const head = bytes.toString('latin1', 0, end)
        if (!head.startsWith('HTTP/1.1 101 ')) return fail(head)
        bytes = bytes.subarray(end + 4)
        isOpen = true
        resolve(opened)
      }
      rest = takeFrames(bytes, onFrame)
    })
  })
}

function upgrade({ port, path, protocol, compressed = false }: SocketOptions): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    ...(compressed ? ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'] : []),
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    '\r\n',
  ].join('\r\n')
}

const deflating = { windowBits: 10, finishFlush: constants.Z_SYNC_FLUSH }

/** Returns a text frame of at most 64 KiB, masked with zeros: RFC 6455, sections 5.2 and 5.3. */
function encode(text: string, compressed: boolean): Buffer {
  const payload = compressed ? deflateRawSync(text, deflating).subarray(0, -4) : Buffer.from(text)
  const { length } = payload
  const head = length > 125 ? 8 : 6
  const frame = Buffer.allocUnsafe(head + length)
  frame[0] = compressed ? 0xc1 : 0x81
  frame[1] = 0x80 | (length > 125 ? 126 : length)
  if (length > 125) frame.writeUInt16BE(length, 2)
  frame.writeUInt32BE(0, head - 4)
  payload.copy(frame, head)
  return frame
}

/** Hands over the payloads of all whole text and binary frames. Returns the remaining bytes. */
function takeFrames(bytes: Buffer, onFrame: SocketOptions['onFrame']): Buffer {
  let at = 0
  while (bytes.length - at >= 2) {
    let length = (bytes[at + 1] ?? 0) & 0x7f
    let head = 2
    if (length === 126) {
      if (bytes.length - at < 4) break
      length = bytes.readUInt16BE(at + 2)
      head = 4
    } else if (length === 127) {
      if (bytes.length - at < 10) break
      length = Number(bytes.readBigUInt64BE(at + 2))
      head = 10
    }
    const end = at + head + length
    if (bytes.length < end) break
    // Others, such as pings, need no answer within a measurement.
    const first = bytes[at] ?? 0
    if ((first & 0x0f) <= 2) onFrame(bytes, at + head, end, (first & 0x40) !== 0)
    at = end
  }
  return bytes.subarray(at)
}
