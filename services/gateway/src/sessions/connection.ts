import type { ClientFrame, CloseReason, Ref, ServerFrame } from '@rabble/contract'

/** A frame for one client, as JSON, and the fields of it that a wire format may need. */
export interface Reply {
  type: ServerFrame['type']
  /** The `ref` of the request that it answers. */
  ref?: Ref | undefined
  json: Buffer
}

/**
 * A wire format, which decodes and encodes frames. There is one object per format, so that each event is encoded once per format
 * and not once per client.
 */
export interface Codec {
  /** The name of the format, such as `websocket`. */
  readonly name: string
  /**
   * Decodes one frame of a client, as the transport received it.
   * @throws FrameError if it is no valid frame
   */
  decode(data: string | Buffer): ClientFrame
  /** Encodes frames for many clients, each a complete JSON text, into one buffer. */
  encodeEvents(frames: readonly Buffer[]): Buffer
  /**
   * Compresses events of a room for many clients into one buffer. `window` holds events to which they may refer: the receivers got them
   * as their last compressed bytes. Absent if the format has no compression.
   */
  compressEvents?(events: readonly Buffer[], window?: Buffer): Buffer
  /** Encodes a frame for one client. */
  encodeReply(reply: Reply): Buffer
}

/** A client's connection, as a transport gives it to the core. */
export interface Connection {
  readonly codec: Codec
  /** Number of written bytes that the operating system has not taken yet. */
  readonly unsent: number
  /** Number of bytes of whole writes that the operating system has taken so far. */
  readonly taken: number
  /** Time (ms, by the clock's `monotonic`) since which a message of the client is incomplete; undefined if none is. */
  readonly unfinishedSince: number | undefined
  /** Silence (ms) of the client after which its protocol takes it for gone, if that is less than two heartbeats. */
  readonly longestSilence?: number
  /** Writes all pieces with as few system calls as possible. Does nothing once the connection is closing. */
  write(pieces: readonly Buffer[]): void
  /** Stops and resumes reading what the client sends. */
  pause(): void
  resume(): void
  /** Asks for a sign of life. The transport reports each one to the session. */
  ping(): void
  close(reason: CloseReason, message: string): void
  /** Drops the connection without a close handshake. */
  terminate(): void
  /** Resolves when no more than `bytes` are unsent, or the connection is closed. */
  drained(bytes: number): Promise<void>
}
