import type { Clock } from '@rabble/clock'
import { createSessionKey } from '../session-keys.ts'

/** Time (ms) in which a client must connect after it has negotiated. */
const connectTimeout = 15_000
/** Maximum number of keys that were given out and not used yet. The oldest ones make room. */
const maxKeys = 20_000
/** Newest version of the negotiation. In version 0, the public id of a connection is also its secret key. */
const newestVersion = 1

/** The answer to a negotiation (dotnet/aspnetcore: src/SignalR/docs/specs/TransportProtocols.md). */
export interface Negotiated {
  negotiateVersion: number
  connectionId: string
  connectionToken?: string
  useStatefulReconnect?: true
  availableTransports: { transport: string; transferFormats: string[] }[]
}

const availableTransports = [
  { transport: 'WebSockets', transferFormats: ['Text', 'Binary'] },
  { transport: 'ServerSentEvents', transferFormats: ['Text'] },
  { transport: 'LongPolling', transferFormats: ['Text', 'Binary'] },
]

/** Keys of connections that clients may begin. A negotiation costs one key, for a few seconds. */
export interface Negotiations {
  /** `stateful`: whether the client wants to go on with a connection after a loss. */
  negotiate(version: number, stateful?: boolean): Negotiated
  /** Takes a key. Returns whether it was given out a short time ago, and not taken yet. */
  take(key: string): boolean
}

export function createNegotiations(gateway: string, clock: Clock): Negotiations {
  /** Keys, and the times (ms, by the clock's `monotonic`) at which they were given out, in that order. */
  const keys = new Map<string, number>()

  function forget(): void {
    const oldest = clock.monotonic() - connectTimeout
    for (const [key, at] of keys) {
      if (at > oldest && keys.size < maxKeys) return
      keys.delete(key)
    }
  }

  return {
    negotiate(version, stateful = false) {
      forget()
      const key = createSessionKey(gateway)
      keys.set(key, clock.monotonic())
      const negotiateVersion = Math.min(version, newestVersion)
      const ids =
        negotiateVersion === 0
          ? { connectionId: key }
          : { connectionId: createSessionKey(gateway), connectionToken: key }
      return {
        negotiateVersion,
        ...ids,
        ...(stateful && { useStatefulReconnect: true }),
        availableTransports,
      }
    },
    take(key) {
      forget()
      return keys.delete(key)
    },
  }
}
