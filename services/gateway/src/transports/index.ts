import { pollingTransport, sseTransport } from './event-stream/transport.ts'
import { signalrTransport } from './signalr/transport.ts'
import { socketIoTransport } from './socketio/transport.ts'
import type { Transport } from './transport.ts'
import { webSocketTransport } from './websocket/transport.ts'

/** All transports. Without a line here and its folder, a transport is gone. */
const all = [webSocketTransport, sseTransport, pollingTransport, signalrTransport, socketIoTransport]

export const transports: ReadonlyMap<string, Transport> = new Map(all.map((one) => [one.name, one]))
