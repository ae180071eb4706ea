import { addressOf } from './address.ts'
import { ChatClient } from './chat.ts'
import { ChatError } from './errors.ts'
import type { AnyMeta, Chat, ConnectOptions, WebSocketConstructor } from './types.ts'

/**
 * Connects to Rabble, and reconnects whenever the connection is lost. Returns at once: see `state` and `ready`.
 * `Meta` is the type of the application's data in messages. The SDK does not check it: other programs may send other data.
 * @throws TypeError for an invalid address; ChatError `no-websocket` if WebSocket is the only transport and the platform has none
 */
export function connect<Meta extends object = AnyMeta>(options: ConnectOptions = {}): Chat<Meta> {
  const address = addressOf(options.url)
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket
  const { transports = ['websocket', 'sse', 'polling'] } = options
  const usable = transports.filter((transport) => transport !== 'websocket' || WebSocket)
  if (usable.length === 0) {
    throw new ChatError('no-websocket', 'pass the WebSocket of the package ws')
  }
  const chat: unknown = new ChatClient(address, WebSocket, usable, options)
  return chat as Chat<Meta>
}
