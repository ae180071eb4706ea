/** A client's end of a connection that uses as little CPU as possible, since it shares the machine with the measured gateway. */
export interface Wire {
  send(text: string): void
}

export interface WireOptions {
  port: number
  /** Path of a WebSocket. */
  path: string
  /** Whether to compress, if it is a WebSocket. Default: false. */
  compressed?: boolean
  /** Called for each frame, with its bytes, which may be compressed. */
  onFrame(frame: Buffer, isCompressed: boolean): void
  /** Called with the number of bytes of each chunk that arrives. */
  onBytes(count: number): void
  /** Called if the connection is closed or the gateway refuses something. */
  onFailure(reason: string): void
}

/** Returns whether bytes begin with others. */
export function startsWith(bytes: Buffer, prefix: Buffer): boolean {
  return bytes.length >= prefix.length && bytes.compare(prefix, 0, prefix.length, 0, prefix.length) === 0
}
