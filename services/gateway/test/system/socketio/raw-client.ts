import { once } from 'node:events'
import { until } from '@rabble/harness'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { TestGateway } from '../../build.ts'
import { ask } from '../../transports/event-stream/streams.ts'

/** Query of all requests of a session that polls. */
export const query = 'EIO=4&transport=polling'

/** Begins a session by polling, and returns its id. */
export async function handshake(http: string, headers: Record<string, string> = {}): Promise<string> {
  const { status, body } = await ask('GET', `${http}/socket.io/?${query}`, headers)
  if (status !== 200) throw new Error(`${status}: ${body}`)
  return JSON.parse(body.slice(1)).sid
}

/** Sends packets of a polling session. */
export function push(http: string, sid: string, ...packets: string[]): ReturnType<typeof ask> {
  return ask('POST', `${http}/socket.io/?${query}&sid=${sid}`, {}, packets.join('\u001e'))
}

/** Polls once. */
export function poll(http: string, sid: string): ReturnType<typeof ask> {
  return ask('GET', `${http}/socket.io/?${query}&sid=${sid}`)
}

/** Begins a session by polling, and enters. Returns its id. */
export async function enter(http: string): Promise<string> {
  const sid = await handshake(http)
  await push(http, sid, '40')
  for (let text = ''; !text.includes('42["start"'); ) text += (await poll(http, sid)).body
  return sid
}

/** Connects by a bare WebSocket, enters, and gathers the packets. */
export async function enterRaw(t: Test, gateway: { http: string }, eio = 4): ReturnType<typeof connectRaw> {
  const raw = await connectRaw(t, gateway, eio)
  if (eio === 4) raw.socket.send('40')
  await until(() => raw.packets.some((one) => one.startsWith('42["start"')), 60_000, 'the start')
  return raw
}

/** Connects by a bare WebSocket, and gathers the packets. */
export async function connectRaw(
  t: Test,
  { http }: { http: string },
  eio = 4,
): Promise<{ socket: WebSocket; packets: string[]; closed: Promise<number> }> {
  const socket = new WebSocket(`${http.replace('http', 'ws')}/socket.io/?EIO=${eio}&transport=websocket`)
  t.teardown(() => socket.terminate())
  const packets: string[] = []
  socket.on('message', (data) => packets.push(String(data)))
  const closed = once(socket, 'close').then(([code]) => Number(code))
  await once(socket, 'open')
  return { socket, packets, closed }
}

/** Returns the number of connections. */
export const connections = ({ metric }: TestGateway) => metric('rabble_gateway_connections')
/** Returns the number of connections that have ended for this reason. */
export const disconnections = ({ metric }: TestGateway, reason: string) =>
  metric('rabble_gateway_disconnections_total', { reason })
