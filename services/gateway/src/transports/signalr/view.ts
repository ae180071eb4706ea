import type { Codec, Connection } from '../../sessions/connection.ts'
import type { Wire } from './wire.ts'

/** Silence (ms) after which a client is gone, which is the official server's too. The client pings every 15 seconds. */
const longestSilence = 30_000

/** A connection of the core that leads to a client. A client that changes its name has two for a moment. */
export interface View extends Connection {
  codec: Codec
}

/** The parts of a view that concern the client, and not only its wire. */
export interface Viewed extends Pick<Connection, 'write' | 'close'> {
  pause(view: View): void
  resume(view: View): void
}

export function createView(wire: Wire, client: Viewed, codec: Codec): View {
  const view: View = {
    codec,
    longestSilence,
    get unsent() {
      return wire.unsent
    },
    get taken() {
      return wire.taken
    },
    get unfinishedSince() {
      return wire.unfinishedSince
    },
    write: (pieces) => client.write(pieces),
    pause: () => client.pause(view),
    resume: () => client.resume(view),
    ping: () => wire.ping(),
    close: (reason, message) => client.close(reason, message),
    terminate: () => wire.terminate(),
    drained: (bytes) => wire.drained(bytes),
  }
  return view
}
