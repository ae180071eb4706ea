import { openSocket } from '../web-socket.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Connects over a WebSocket. Resolves once it is open. */
export function openWebSocketWire({ port, path, onFrame, onFailure }: WireOptions): Promise<Wire> {
  return openSocket({
    port,
    path,
    protocol: 'rabble.v1',
    onFrame: (bytes, start, end) => onFrame(bytes.subarray(start, end)),
    onFailure,
  })
}
