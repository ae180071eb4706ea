import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { TestGateway } from '../../build.ts'

/** A frame of the gateway, as it is on the wire. */
export interface WireFrame {
  isCompressed: boolean
  opcode: number
  payload: Buffer
}

export interface RawSocket {
  /** The header `Sec-WebSocket-Extensions` of the answer. */
  extensions: string | undefined
  write(bytes: Buffer): void
  /** Resolves with the next frame. */
  next(): Promise<WireFrame>
}

/** Opens a WebSocket with this offer of extensions, and neither compresses nor inflates anything. */
export async function openRaw(t: Test, { http }: TestGateway, offer?: string): Promise<RawSocket> {
  const asking = request(`${http}/ws`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      ...(offer !== undefined && { 'sec-websocket-extensions': offer }),
    },
  })
  asking.end()
  const [response, socket, head] = (await once(asking, 'upgrade')) as [
    { headers: Record<string, string | undefined> },
    Socket,
    Buffer,
  ]
  t.teardown(() => socket.destroy())
  let bytes = head
  const frames: WireFrame[] = []
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    for (let frame = take(); frame !== undefined; frame = take()) frames.push(frame)
    socket.emit('frames')
  })

  function take(): WireFrame | undefined {
    const [first = 0, short = 0] = bytes
    const begin = short < 126 ? 2 : 4
    if (bytes.length < begin) return undefined
    const end = begin + (short < 126 ? short : bytes.readUInt16BE(2))
    if (bytes.length < end) return undefined
    const payload = bytes.subarray(begin, end)
    bytes = bytes.subarray(end)
    return { isCompressed: (first & 0x40) !== 0, opcode: first & 0x0f, payload }
  }

  return {
    extensions: response.headers['sec-websocket-extensions'],
    write: (bytes) => void socket.write(bytes),
    async next() {
      while (frames.length === 0) await once(socket, 'frames')
      return frames.shift() as WireFrame
    },
  }
}
