import { addressOf } from './address.ts'
import { ChatClient } from './chat.ts'
import { ChatError } from './errors.ts'
import type { Chat, ConnectOptions, WebSocketConstructor } from './types.ts'

/**
 * Connects to Rabble, and reconnects whenever the connection is lost. Returns at once: see `state` and `ready`.
 * @throws TypeError for an invalid address; ChatError `no-websocket` if the platform has no WebSocket
 */
export function connect(options: ConnectOptions = {}): Chat {
  const address = addressOf(options.url)
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket
  if (WebSocket === undefined) {
    throw new ChatError('no-websocket', 'there is no WebSocket: pass that of the package ws')
  }
  return new ChatClient(address, WebSocket, options)
}
