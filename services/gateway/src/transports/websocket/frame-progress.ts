/**
 * Follows where a client's frames begin and end (RFC 6455, section 5.2), to know since when a message is not whole. The
 * library that reads them tells only when one is.
 */
export class FrameProgress {
  /** Time, as passed to `read`, since which a frame or a message is incomplete; undefined if none is. */
  unfinishedSince: number | undefined
  /** The beginning of a frame whose header is incomplete. */
  #header: number[] = []
  /** Bytes of the frame that are to come. */
  #rest = 0
  /** Whether a message has begun of which more frames are to come. */
  #inMessage = false

  /** Takes what has arrived at a time. */
  read(chunk: Uint8Array, now: number): void {
    for (let at = 0; at < chunk.length; ) {
      this.unfinishedSince ??= now
      if (this.#rest > 0) {
        const length = Math.min(this.#rest, chunk.length - at)
        at += length
        this.#rest -= length
      } else {
        this.#header.push(chunk[at++] ?? 0)
        this.#rest = this.#payload()
      }
      if (this.#header.length === 0 && this.#rest === 0 && !this.#inMessage) this.unfinishedSince = undefined
    }
  }

  /** Once the header is whole, forgets it and returns the bytes behind it: the payload. */
  #payload(): number {
    const [first = 0, second = 0] = this.#header
    const short = second & 0x7f
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0
    const masked = (second & 0x80) !== 0 ? 4 : 0
    if (this.#header.length < 2 + extended + masked) return 0
    const length = this.#header.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0)
    this.#header = []
    const isControl = (first & 0x08) !== 0
    if (!isControl) this.#inMessage = (first & 0x80) === 0
    return extended === 0 ? short : length
  }
}
