import type { CloseReason } from '@rabble/contract'

/** How frames become bytes on one kind of connection. Each event is encoded once per wire, not once per client. */
export interface Wire {
  readonly name: string
  /** One or more frames, each a complete JSON text, as one piece of bytes. */
  encode(frames: readonly Buffer[]): Buffer
}

/** What a transport gives the core: bytes out, and the end of it. The core gives meaning. */
export interface Connection {
  readonly wire: Wire
  /** Bytes that were written and that the system hasn't taken yet. */
  readonly unsent: number
  /** Bytes of whole writes that the system has taken so far. */
  readonly taken: number
  /** Time, of the clock's `monotonic`, since which a message of the client is incomplete; undefined if none is. */
  readonly unfinishedSince: number | undefined
  /** Writes all pieces with as few system calls as possible. Does nothing once the connection is closing. */
  write(pieces: readonly Buffer[]): void
  /** Stops and resumes reading what the client sends. */
  pause(): void
  resume(): void
  /** Asks for a sign of life; for each that comes the transport calls the session's `heard`. */
  ping(): void
  close(reason: CloseReason, message: string): void
  /** Ends it without asking. */
  terminate(): void
  /** Resolves when no more than `bytes` are unsent, or the connection is closed. */
  drained(bytes: number): Promise<void>
}
