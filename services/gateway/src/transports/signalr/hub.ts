import type { SessionHost } from '../transport.ts'
import type { Calls } from './calls.ts'
import type { Codecs } from './codec.ts'

/** The parts that all clients of the transport share. */
export interface Hub {
  readonly host: SessionHost
  readonly calls: Calls
  readonly codecs: Codecs
  /** The clients, for checks at intervals. */
  readonly clients: Set<{ keepAlive(silence: number): void }>
}
