import type { Address } from './address.ts'
import type { ChatClock } from './clock.ts'
import { HttpSocket } from './http-socket.ts'
import type { FetchLike, Transport, WebSocketConstructor, WebSocketLike } from './types.ts'

/** Time limit (ms) of the question where to connect. */
const routeTimeout = 5_000

/**
 * Returns a function that opens a socket of any transport but `websocket`. For `direct`, asks first which gateway to connect to: rather
 * another one than the last, which may be gone, draining or out of reach.
 * @throws Error if no gateway has an address of its own (as on servers that don't know the question), or there is no WebSocket
 */
export async function opener(
  transport: Transport,
  address: Address,
  WebSocket: WebSocketConstructor | undefined,
  fetch: FetchLike,
  clock: ChatClock,
): Promise<() => WebSocketLike> {
  if (transport !== 'direct')
    return () => new HttpSocket(address.base, transport === 'sse' ? 'sse' : 'poll', fetch, clock)
  if (!WebSocket) throw new Error('there is no WebSocket')
  const question = new URL('api/route', address.base)
  if (address.direct) question.searchParams.set('not', address.direct)
  const answer = await fetch(question.href, {
    headers: {},
    signal: AbortSignal.timeout(routeTimeout),
    cache: 'no-store',
  })
  const { url, message } = (await answer.json()) as { url: string; message?: string }
  if (!answer.ok) throw new Error(message)
  return () => {
    address.direct = url
    return new WebSocket(url, 'rabble.v1')
  }
}
