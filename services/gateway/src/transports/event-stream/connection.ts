import type { ServerResponse } from 'node:http'
import type { Clock } from '@rabble/clock'
import { type CloseReason, closeCodes } from '@rabble/contract'
import type { Connection } from '../../sessions/connection.ts'
import { blockEnd, comment, eventStreamCodec, namedEvent } from './framing.ts'

/** Bytes of written blocks that are kept, besides the newest block, until they are known to have arrived. */
const maxKeptBytes = 64 * 1024

interface Block {
  number: number
  pieces: readonly Buffer[]
  size: number
}

/** One response, from its head to its end. */
interface Attached {
  response: ServerResponse
  /** Time (ms) after which it ends if there are no blocks. With blocks it ends at once. Undefined: it stays open. */
  wait: number | undefined
  /** Time (ms, by the clock's `monotonic`) at which it began, and of the last write. */
  since: number
  wroteAt: number
  /** Number of written bytes that the operating system has not taken yet. */
  inFlight: number
}

/**
 * A client's connection over any number of HTTP responses, one after the other. Frames go down in numbered blocks. Each is kept
 * until the client reports that it has arrived, so that the next response goes on where the client's copy of the last one ended.
 */
export class StreamConnection implements Connection {
  readonly codec = eventStreamCodec
  readonly unfinishedSince = undefined
  readonly #key: string
  readonly #clock: Clock
  /** Blocks that may not have arrived, oldest first. The last `#pending` of them were written to no response yet. */
  #blocks: Block[] = []
  #pending = 0
  #pendingBytes = 0
  /** Bytes of the other blocks. */
  #keptBytes = 0
  /** Number of the newest block. */
  #last = 0
  #taken = 0
  #attached: Attached | undefined
  #detachedAt: number
  #closed = false
  #terminated = false
  #resumed: { promise: Promise<void>; resolve(): void } | undefined
  #drains: { bytes: number; resolve(): void }[] = []

  constructor(key: string, clock: Clock) {
    this.#key = key
    this.#clock = clock
    this.#detachedAt = clock.monotonic()
    this.#put([namedEvent('session', {})])
  }

  get unsent(): number {
    return this.#pendingBytes + (this.#attached?.inFlight ?? 0)
  }

  get taken(): number {
    return this.#taken
  }

  /** Time (ms, by the clock's `monotonic`) since which there is no response; undefined if there is one. */
  get detachedSince(): number | undefined {
    return this.#attached === undefined ? this.#detachedAt : undefined
  }

  /** Whether the session is over. A `close` block may still wait for the client. */
  get closed(): boolean {
    return this.#closed
  }

  /** Whether the client has been told the end of the session, once all up to this block have arrived. */
  isOver(number: number): boolean {
    return this.#closed && number === this.#last
  }

  /** Whether everything after the block with this number is still there. */
  holds(number: number): boolean {
    if (this.#terminated) return false
    const oldest = this.#blocks[0]?.number ?? this.#last + 1
    return number <= this.#last && number >= oldest - 1
  }

  /** Notes that all blocks up to this number have arrived. */
  arrived(number: number): void {
    const written = this.#blocks.length - this.#pending
    let count = 0
    while (count < written && (this.#blocks[count]?.number ?? Number.POSITIVE_INFINITY) <= number) count++
    for (const { size } of this.#blocks.splice(0, count)) this.#keptBytes -= size
  }

  /**
   * Writes all blocks after `number`, and those to come, to a response whose head is set. It takes the place of an earlier
   * response. `wait` (ms): the response ends after the first blocks, or after that time without any.
   */
  attach(response: ServerResponse, number: number, wait?: number): void {
    this.#end()
    this.arrived(number)
    const now = this.#clock.monotonic()
    const attached: Attached = { response, wait, since: now, wroteAt: now, inFlight: 0 }
    this.#attached = attached
    response.on('close', () => this.#detach(attached))
    // The close event tells the same.
    response.on('error', () => {})
    if (this.#blocks.length > 0) this.#send(this.#blocks)
    else if (wait === undefined) response.flushHeaders()
    if (this.#closed || wait === 0) this.#end()
  }

  write(pieces: readonly Buffer[]): void {
    if (!this.#closed) this.#put(pieces)
  }

  pause(): void {
    if (this.#resumed !== undefined || this.#closed) return
    let resolve = () => {}
    const promise = new Promise<void>((resolved) => {
      resolve = resolved
    })
    this.#resumed = { promise, resolve }
  }

  resume(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  /** Resolves when the client's frames may be read. */
  reading(): Promise<void> | undefined {
    return this.#resumed?.promise
  }

  /** Ends the response: a client that lives asks for the next one. */
  ping(): void {
    this.#end()
  }

  close(reason: CloseReason, message: string): void {
    if (this.#closed) return
    this.#put([namedEvent('close', { code: closeCodes[reason].code, reason: message })])
    this.#closed = true
    this.#end()
    this.resume()
    this.#checkDrains()
  }

  terminate(): void {
    this.#terminated = true
    this.#closed = true
    this.#attached?.response.destroy()
    this.resume()
    this.#checkDrains()
  }

  drained(bytes: number): Promise<void> {
    if (this.#closed || this.unsent <= bytes) return Promise.resolve()
    return new Promise((resolve) => this.#drains.push({ bytes, resolve }))
  }

  /** Writes a comment to a stream that was silent for `silence` (ms), and ends a response whose wait is over. */
  keepAlive(silence: number): void {
    const attached = this.#attached
    if (attached === undefined) return
    const now = this.#clock.monotonic()
    if (attached.wait !== undefined) {
      if (now - attached.since >= attached.wait) this.#end()
    } else if (now - attached.wroteAt >= silence) {
      attached.wroteAt = now
      attached.response.write(comment)
    }
  }

  #put(pieces: readonly Buffer[]): void {
    const number = ++this.#last
    const whole = [...pieces, blockEnd(this.#key, number)]
    let size = 0
    for (const { length } of whole) size += length
    const block = { number, pieces: whole, size }
    this.#blocks.push(block)
    this.#pending++
    this.#pendingBytes += size
    if (this.#attached !== undefined) this.#send([block])
  }

  /** Writes blocks, the last ones of all, to the response. */
  #send(blocks: readonly Block[]): void {
    const attached = this.#attached
    if (attached === undefined) return
    const { response } = attached
    const pieces = blocks.flatMap((block) => block.pieces)
    const size = blocks.reduce((sum, block) => sum + block.size, 0)
    const finish = () => {
      attached.inFlight -= size
      this.#taken += size
      this.#checkDrains()
    }
    attached.inFlight += size
    attached.wroteAt = this.#clock.monotonic()
    response.cork()
    for (const [n, piece] of pieces.entries()) {
      if (n < pieces.length - 1) response.write(piece)
      else response.write(piece, finish)
    }
    response.uncork()
    this.#keptBytes += this.#pendingBytes
    this.#pendingBytes = 0
    this.#pending = 0
    if (attached.wait === undefined) this.#forget()
    else this.#end()
  }

  /** Forgets the oldest written blocks of a stream, if too many bytes are kept. A poll reports what the last one brought. */
  #forget(): void {
    const most = maxKeptBytes + (this.#blocks.at(-1)?.size ?? 0)
    let count = 0
    while (this.#keptBytes > most) this.#keptBytes -= this.#blocks[count++]?.size ?? 0
    if (count > 0) this.#blocks.splice(0, count)
  }

  #end(): void {
    const attached = this.#attached
    if (attached === undefined) return
    attached.response.end()
    this.#detach(attached)
  }

  #detach(attached: Attached): void {
    if (this.#attached !== attached) return
    this.#attached = undefined
    this.#detachedAt = this.#clock.monotonic()
    this.#checkDrains()
  }

  #checkDrains(): void {
    if (this.#drains.length === 0) return
    const isOver = ({ bytes }: { bytes: number }) => this.#closed || this.unsent <= bytes
    const over = this.#drains.filter(isOver)
    this.#drains = this.#drains.filter((drain) => !over.includes(drain))
    for (const { resolve } of over) resolve()
  }
}
