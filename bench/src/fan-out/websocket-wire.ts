import { openSocket } from '../web-socket.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Connects over a WebSocket. Resolves once it is open. */
export function openWebSocketWire({
  port,
  path,
  compressed = false,
  onFrame,
  onBytes,
  onFailure,
}: WireOptions): Promise<Wire> {
  return openSocket({
    port,
    path,
    protocol: 'rabble.v1',
    compressed,
    onFrame: (bytes, start, end, isCompressed) => onFrame(bytes.subarray(start, end), isCompressed),
    onBytes,
    onFailure,
  })
}
