/** Bytes of written blocks that are kept, besides the newest block, until they are known to have arrived. */
const maxKeptBytes = 64 * 1024
/** Bytes that are left when more would be kept. Several blocks are forgotten at once: one for each write would cost 5 % of the write. */
const leftBytes = 56 * 1024
/** Maximum size (bytes) of a newest block that is kept. Only replays are longer, and their memory has a budget until they are read. */
const maxNewestBytes = 256 * 1024

/**
 * The numbered blocks of a session that may not have arrived, oldest first, without their ids. The newest ones may be pending: they are
 * not written to the present response. Most blocks are shared with other clients, so keeping them costs little.
 */
export class KeptBlocks {
  readonly #blocks: Buffer[] = []
  #pending = 0
  #pendingBytes = 0
  #writtenBytes = 0
  #last = 0

  /** Number of the newest block; 0 before the first one. */
  get last(): number {
    return this.#last
  }

  get hasPending(): boolean {
    return this.#pending > 0
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Bytes of the blocks that are not pending. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** Whether everything after the block with this number is still there. */
  holds(number: number): boolean {
    return number <= this.#last && number >= this.#last - this.#blocks.length
  }

  /** Adds a block that is pending. */
  add(block: Buffer): void {
    this.#blocks.push(block)
    this.#last++
    this.#pending++
    this.#pendingBytes += block.length
  }

  /** Adds a block that is written, while none is pending. Returns its number. */
  addWritten(block: Buffer): number {
    this.#blocks.push(block)
    this.#writtenBytes += block.length
    return ++this.#last
  }

  /** Forgets the written blocks up to this number. Returns whether there were any. */
  arrived(number: number): boolean {
    const written = this.#blocks.length - this.#pending
    const oldest = this.#last - this.#blocks.length
    const count = Math.max(0, Math.min(written, number - oldest))
    for (const { length } of this.#blocks.splice(0, count)) this.#writtenBytes -= length
    return count > 0
  }

  /** Makes all blocks pending: there is another response. */
  rewind(): void {
    this.#pending = this.#blocks.length
    this.#pendingBytes += this.#writtenBytes
    this.#writtenBytes = 0
  }

  /** Returns the pending blocks and the number of the first one, and notes that they are written. */
  takePending(): { first: number; blocks: Buffer[] } {
    const blocks = this.#blocks.slice(-this.#pending)
    this.#writtenBytes += this.#pendingBytes
    this.#pendingBytes = 0
    this.#pending = 0
    return { first: this.#last - blocks.length + 1, blocks }
  }

  /** Forgets the oldest written blocks, if too many bytes are kept. */
  forgetOldest(): void {
    if (this.#writtenBytes <= maxKeptBytes) return
    const newest = this.#blocks.at(-1)?.length ?? 0
    const kept = newest > maxNewestBytes ? 0 : newest
    if (this.#writtenBytes - kept <= maxKeptBytes) return
    let count = 0
    while (this.#writtenBytes - kept > leftBytes) this.#writtenBytes -= this.#blocks[count++]?.length ?? 0
    this.#blocks.splice(0, count)
  }
}
