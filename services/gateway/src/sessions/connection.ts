import type { ClientFrame, CloseReason, Ref, ServerFrame } from '@rabble/contract'

/** A frame for one client, as JSON, and what a wire format may need to know of it. */
export interface Reply {
  type: ServerFrame['type']
  /** The request that it answers. */
  ref?: Ref | undefined
  json: Buffer
}

/**
 * A wire format: how frames become bytes, and bytes frames. There is one object per format, so that each event is encoded once
 * per format and not once per client.
 */
export interface Codec {
  /** The name of the format, such as `websocket`. */
  readonly name: string
  /**
   * Decodes one frame of a client, as the transport received it.
   * @throws FrameError if it is no valid frame
   */
  decode(data: string | Buffer): ClientFrame
  /** Encodes frames that many clients get, each a complete JSON text, as one piece of bytes. */
  encodeEvents(frames: readonly Buffer[]): Buffer
  /** Encodes a frame for one client. */
  encodeReply(reply: Reply): Buffer
}

/** A client's connection, as a transport gives it to the core. */
export interface Connection {
  readonly codec: Codec
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
