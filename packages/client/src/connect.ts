import { addressOf } from './address.ts'
import { ChatClient } from './chat.ts'
import { ChatError } from './errors.ts'
import type { Chat, ConnectOptions, WebSocketConstructor } from './types.ts'

/**
 * Connects to Rabble, and reconnects whenever the connection is lost. Returns at once: see `state` and `ready`.
 * @throws TypeError for an invalid address; ChatError `no-websocket` if WebSocket is the only transport and the platform has none
 */
export function connect(options: ConnectOptions = {}): Chat {
  const address = addressOf(options.url)
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket
  const { transports = ['websocket', 'sse', 'polling'] } = options
  const usable = transports.filter((transport) => transport !== 'websocket' || WebSocket)
  if (usable.length === 0) {
    throw new ChatError('no-websocket', 'there is no WebSocket: pass that of the package ws')
  }
  return new ChatClient(address, WebSocket, usable, options)
}
