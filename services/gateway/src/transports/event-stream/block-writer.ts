import type { Socket } from 'node:net'
import { joinBlocks, replaceId } from './framing.ts'

/**
 * Writes blocks to streams. The bytes of a block for two clients differ in the id only. So the next client gets the same bytes, with its
 * own id in them: with a copy for each client, a write costs a quarter more.
 */
export class BlockWriter {
  /** The block that was written last, and its bytes. No block: a socket still needs the bytes. */
  #block: Buffer | undefined
  #keyLength = 0
  #inChunk = false
  #bytes: Buffer = Buffer.alloc(0)

  /** Writes a block. `inChunk`: as one chunk of a response. */
  write(socket: Socket, key: Buffer, number: number, block: Buffer, inChunk: boolean): void {
    if (block === this.#block && key.length === this.#keyLength && inChunk === this.#inChunk) {
      replaceId(this.#bytes, key, number, inChunk)
    } else this.#bytes = joinBlocks(key, number, [block], inChunk)
    socket.write(this.#bytes)
    // The operating system has taken the bytes, or the socket keeps the buffer.
    this.#block = socket.writableLength === 0 ? block : undefined
    this.#keyLength = key.length
    this.#inChunk = inChunk
  }
}
