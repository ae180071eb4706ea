import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { TestGateway } from '../../build.ts'
import { ask } from '../../transports/event-stream/streams.ts'

/** Ends a message of JSON, and the handshake. */
export const end = '\u001e'
export const handshake = (protocol = 'json', version = 1) => `${JSON.stringify({ protocol, version })}${end}`

export interface Raw {
  socket: WebSocket
  texts: string[]
  bytes: Buffer[]
  closed: Promise<{ code: number; reason: string }>
}

/** Opens a WebSocket without the official client, and sends what is given. */
export async function openRaw(t: Test, { ws }: TestGateway, ...first: (string | Uint8Array)[]): Promise<Raw> {
  const socket = new WebSocket(ws.replace('/ws', '/chathub'))
  t.teardown(() => socket.terminate())
  const texts: string[] = []
  const bytes: Buffer[] = []
  socket.on('message', (data, isBinary) => {
    if (isBinary) bytes.push(data as Buffer)
    else texts.push(String(data))
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  for (const data of first) socket.send(data)
  return { socket, texts, bytes, closed }
}

/** Returns the number of connections. */
export const connections = (gateway: TestGateway) => gateway.metric('rabble_gateway_connections')

/** Returns a message of MessagePack with its length before it. `length` lies about that. */
export function packed(payload: Uint8Array, length = payload.length): Buffer {
  const prefix: number[] = []
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.concat([Buffer.from([...prefix, rest]), payload])
    prefix.push((rest % 128) + 128)
  }
}

/** Negotiates, and returns the status and the answer. */
export async function negotiate({ http }: TestGateway, query = '?negotiateVersion=1') {
  const { status, body } = await ask('POST', `${http}/chathub/negotiate${query}`)
  return { status, ...JSON.parse(body) }
}
