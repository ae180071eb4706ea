import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

export interface MemberOptions {
  port: number
  room: string
  name: string
  /** Called for each message of the room that arrives. */
  onMessage(): void
  /** Called when one of the member's own messages was acknowledged. */
  onSent(): void
  /** Called if the gateway answers with an error or the connection is closed. */
  onFailure(reason: string): void
}

export interface Member {
  send(text: string): void
}

const message = Buffer.from('{"type":"message"')

/**
 * Connects a client that uses as little CPU as possible, since it shares the machine with the measured gateway: it compares
 * only the beginning of message frames, and parses the others. Resolves once the client is in the room.
 */
export function connectMember(options: MemberOptions): Promise<Member> {
  const { port, room, name } = options
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let upgraded = false
  let buffered: Buffer = Buffer.alloc(0)
  let last = 0
  const send = (frame: object) => socket.write(encode(JSON.stringify(frame)))
  const member: Member = {
    send: (text) => send({ type: 'send', room, text, cid: `${name}-${++last}`, ref: last }),
  }

  return new Promise((resolve) => {
    socket.on('error', (error) => options.onFailure(error.message))
    socket.on('close', () => options.onFailure('the connection was closed'))
    socket.on('connect', () => socket.write(upgrade(port)))
    socket.on('data', (chunk) => {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
      if (!upgraded && !takeUpgrade()) return
      buffered = takeFrames(buffered, receive)
    })

    function takeUpgrade(): boolean {
      const end = buffered.indexOf('\r\n\r\n')
      if (end === -1) return false
      buffered = buffered.subarray(end + 4)
      upgraded = true
      send({ type: 'hello', name, ref: 'hello' })
      send({ type: 'join', room, recent: 0, ref: 'join' })
      return true
    }

    function receive(frame: Buffer): void {
      if (frame.subarray(0, message.length).equals(message)) {
        options.onMessage()
        return
      }
      const { type, message: reason } = JSON.parse(frame.toString()) as { type: string; message?: string }
      if (type === 'sent') options.onSent()
      else if (type === 'joined') resolve(member)
      else if (type === 'error') options.onFailure(reason ?? 'refused')
    }
  })
}

function upgrade(port: number): string {
  return [
    'GET /ws HTTP/1.1',
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
