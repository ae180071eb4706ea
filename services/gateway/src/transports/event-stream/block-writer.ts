import type { Socket } from 'node:net'
import { joinBlocks, replaceId } from './framing.ts'

/**
 * Writes blocks to streams. The chunks of a block for two clients differ in the id only. So the next client gets the same bytes, with
 * its own id in them: with a copy for each client, a write costs a quarter more.
 */
export class BlockWriter {
  /** The block that was written last, and its chunk. No block: a socket still needs the bytes of the chunk. */
  #block: Buffer | undefined
  #keyLength = 0
  #chunk: Buffer = Buffer.alloc(0)

  /** Writes blocks, of which `first` is the number of the first one. `inChunk`: as one chunk of a response. */
  write(socket: Socket, key: Buffer, first: number, blocks: readonly Buffer[], inChunk: boolean): void {
    const [block] = blocks
    if (block === undefined || blocks.length > 1 || !inChunk) {
      socket.write(joinBlocks(key, first, blocks, inChunk))
      return
    }
    if (block === this.#block && key.length === this.#keyLength) replaceId(this.#chunk, key, first)
    else this.#chunk = joinBlocks(key, first, blocks, true)
    socket.write(this.#chunk)
    // The operating system has taken the bytes, or the socket keeps the buffer.
    this.#block = socket.writableLength === 0 ? block : undefined
    this.#keyLength = key.length
  }
}
