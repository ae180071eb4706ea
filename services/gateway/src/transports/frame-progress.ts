/**
 * Follows where a client's frames begin and end (RFC 6455, section 5.2), to know since when a message is incomplete. The library
 * that reads them reports only complete messages.
 */
export class FrameProgress {
  /** Time, as passed to `read`, since which a frame or a message is incomplete; undefined if none is. */
  unfinishedSince: number | undefined
  /** The beginning of a frame whose header is incomplete. */
  #header: number[] = []
  /** Number of bytes of the frame that have not come yet. */
  #rest = 0
  /** Whether a message has begun that has more frames to come. */
  #inMessage = false

  /** Takes a chunk that arrived at the time `now`. */
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

  /** Returns the length of the payload once the header is complete, and forgets the header. */
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
