import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '@rabble/clock'
import { type CloseReason, closeCodes } from '@rabble/contract'
import type { Connection } from '../../sessions/connection.ts'
import { comment, commentChunk, eventStreamCodec, joinBlocks, namedEvent } from './framing.ts'

/** Bytes of written blocks that are kept, besides the newest block, until they are known to have arrived. */
const maxKeptBytes = 64 * 1024
/** Maximum size (bytes) of a newest block that is kept. Only replays are longer, and their memory has a budget until they are read. */
const maxNewestBytes = 256 * 1024

const responseHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // Tells Nginx not to hold the response back.
  'x-accel-buffering': 'no',
}

/** One response, from its head to its end. */
interface Attached {
  response: ServerResponse
  socket: Socket
  headers: OutgoingHttpHeaders
  /** Time (ms) after which it ends if there are no blocks. With blocks it ends at once. Undefined: it stays open. */
  wait: number | undefined
  /** Time (ms, by the clock's `monotonic`) at which it began, and of the last write. */
  since: number
  wroteAt: number
  /** Value of the socket's `bytesWritten` when it began. */
  wroteBefore: number
  /** Whether nothing more is written to it. The operating system may not have taken all of it yet. */
  ended: boolean
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
  /**
   * Blocks that may not have arrived, oldest first, without their ids. The last `#pending` of them are not written to the present
   * response. Most are shared with other clients, so keeping them costs little.
   */
  readonly #blocks: Buffer[] = []
  #pending = 0
  #pendingBytes = 0
  /** Bytes of the other blocks. */
  #keptBytes = 0
  /** Number of the newest block. */
  #last = 0
  /** Bytes that were taken from earlier responses. */
  #taken = 0
  #attached: Attached | undefined
  /** Whether the last response was that of a poll. */
  #isPolled = false
  #detachedAt: number
  #closedAt: number | undefined
  #terminated = false
  #paused: { resumed: Promise<void>; resume(): void } | undefined
  #drains: { bytes: number; resolve(): void }[] = []
  readonly #checkDrains = () => {
    if (this.#drains.length === 0) return
    const isOver = ({ bytes }: { bytes: number }) => this.closed || this.unsent <= bytes
    const over = this.#drains.filter(isOver)
    this.#drains = this.#drains.filter((drain) => !over.includes(drain))
    for (const { resolve } of over) resolve()
  }

  constructor(key: string, clock: Clock) {
    this.#key = key
    this.#clock = clock
    this.#detachedAt = clock.monotonic()
    this.#put([namedEvent('session', {})])
  }

  get unsent(): number {
    const inSocket = this.#attached?.socket.writableLength ?? 0
    // The blocks of a poll are unread until a later request reports them.
    return this.#pendingBytes + Math.max(inSocket, this.#isPolled ? this.#keptBytes : 0)
  }

  get taken(): number {
    return this.#taken + (this.#attached === undefined ? 0 : takenFrom(this.#attached))
  }

  /** Time (ms, by the clock's `monotonic`) since which it is closed or there is no response; undefined if there is one. */
  get detachedSince(): number | undefined {
    return this.#closedAt ?? (this.#attached === undefined ? this.#detachedAt : undefined)
  }

  /** Whether the session is over. A `close` block may still wait for the client. */
  get closed(): boolean {
    return this.#closedAt !== undefined
  }

  /** Whether the client has been told the end of the session, once all up to this block have arrived. */
  isOver(number: number): boolean {
    return this.closed && number === this.#last
  }

  /** Whether everything after the block with this number is still there. */
  holds(number: number): boolean {
    return !this.#terminated && number <= this.#last && number >= this.#last - this.#blocks.length
  }

  /** Notes that all blocks up to this number have arrived. */
  arrived(number: number): void {
    const written = this.#blocks.length - this.#pending
    const oldest = this.#last - this.#blocks.length
    const count = Math.max(0, Math.min(written, number - oldest))
    if (count === 0) return
    for (const { length } of this.#blocks.splice(0, count)) this.#keptBytes -= length
    this.#checkDrains()
  }

  /**
   * Writes all blocks after `number`, and those to come, to a response. It takes the place of an earlier response. `wait` (ms): the
   * response ends after the first blocks, or after that time without any.
   */
  attach(response: ServerResponse, headers: OutgoingHttpHeaders, number: number, wait?: number): void {
    this.#replace()
    this.arrived(number)
    const { socket } = response
    if (socket === null || response.destroyed) {
      // The request came before the end of the response to an earlier one of the same TCP connection, which no client needs, or
      // the client has gone already.
      response.destroy()
      return
    }
    const now = this.#clock.monotonic()
    const attached: Attached = {
      response,
      socket,
      headers: { ...headers, ...responseHeaders },
      wait,
      since: now,
      wroteAt: now,
      wroteBefore: socket.bytesWritten,
      ended: false,
    }
    this.#attached = attached
    this.#isPolled = wait !== undefined
    this.#pending = this.#blocks.length
    this.#pendingBytes += this.#keptBytes
    this.#keptBytes = 0
    socket.on('drain', this.#checkDrains)
    // The close event tells the same.
    response.on('error', () => {})
    if (wait === undefined) {
      response.writeHead(200, attached.headers)
      response.flushHeaders()
    }
    // A stream without chunks ends with its TCP connection: the response itself does not wait for what is written past it.
    const whole = wait === undefined && !response.chunkedEncoding ? socket : response
    whole.once('close', () => this.#detach(attached))
    if (this.#pending > 0) this.#send()
    if (this.closed || wait === 0) this.#end()
  }

  write(pieces: readonly Buffer[]): void {
    if (!this.closed) this.#put(pieces)
  }

  pause(): void {
    if (this.#paused !== undefined || this.closed) return
    let resume = () => {}
    const resumed = new Promise<void>((resolve) => {
      resume = resolve
    })
    this.#paused = { resumed, resume }
  }

  resume(): void {
    this.#paused?.resume()
    this.#paused = undefined
  }

  /** Resolves when the client's frames may be read. */
  reading(): Promise<void> | undefined {
    return this.#paused?.resumed
  }

  /** Ends the response: a client that lives asks for the next one. */
  ping(): void {
    this.#end()
  }

  close(reason: CloseReason, message: string): void {
    if (this.closed) return
    this.#put([namedEvent('close', { code: closeCodes[reason].code, reason: message })])
    this.#closedAt = this.#clock.monotonic()
    this.#end()
    this.resume()
    this.#checkDrains()
  }

  terminate(): void {
    this.#terminated = true
    this.#closedAt ??= this.#clock.monotonic()
    this.#attached?.socket.destroy()
    this.resume()
    this.#checkDrains()
  }

  drained(bytes: number): Promise<void> {
    if (this.closed || this.unsent <= bytes) return Promise.resolve()
    return new Promise((resolve) => this.#drains.push({ bytes, resolve }))
  }

  /** Writes a comment to a stream that was silent for `silence` (ms), and ends a response whose wait is over. */
  keepAlive(silence: number): void {
    const attached = this.#attached
    if (attached === undefined || attached.ended) return
    const now = this.#clock.monotonic()
    if (attached.wait !== undefined) {
      if (now - attached.since >= attached.wait) this.#end()
    } else if (now - attached.wroteAt >= silence) {
      attached.wroteAt = now
      attached.socket.write(attached.response.chunkedEncoding ? commentChunk : comment)
    }
  }

  #put(pieces: readonly Buffer[]): void {
    const [first] = pieces
    const block = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
    this.#blocks.push(block)
    this.#last++
    this.#pending++
    this.#pendingBytes += block.length
    this.#send()
  }

  /** Writes all pending blocks to the response, if there is one. */
  #send(): void {
    const attached = this.#attached
    if (attached === undefined || attached.ended) return
    const { response, socket, wait } = attached
    const isStream = wait === undefined
    const blocks = this.#blocks.slice(-this.#pending)
    const first = this.#last - blocks.length + 1
    const bytes = joinBlocks(this.#key, first, blocks, isStream && response.chunkedEncoding)
    this.#keptBytes += this.#pendingBytes
    this.#pendingBytes = 0
    this.#pending = 0
    attached.wroteAt = this.#clock.monotonic()
    if (isStream) {
      // Past the response, which would make several writes of it.
      socket.write(bytes)
      this.#forget()
    } else this.#end(bytes)
  }

  /** Forgets the oldest written blocks of a stream, if too many bytes are kept. A poll reports what the last one brought. */
  #forget(): void {
    const newest = this.#blocks.at(-1)?.length ?? 0
    const max = maxKeptBytes + (newest > maxNewestBytes ? 0 : newest)
    let count = 0
    while (this.#keptBytes > max) this.#keptBytes -= this.#blocks[count++]?.length ?? 0
    if (count > 0) this.#blocks.splice(0, count)
  }

  /** Ends the response; that of a poll with these bytes, for which its head has waited. */
  #end(bytes: Buffer = Buffer.alloc(0)): void {
    const attached = this.#attached
    if (attached === undefined || attached.ended) return
    attached.ended = true
    const { response, headers, wait } = attached
    if (wait === undefined) response.end()
    else response.writeHead(200, { ...headers, 'content-length': bytes.length }).end(bytes)
  }

  /** Ends the response for another one. If the client has left some of it unread, it is dropped: it would fill memory. */
  #replace(): void {
    const attached = this.#attached
    if (attached === undefined) return
    if (attached.socket.writableLength > 0) attached.socket.destroy()
    else this.#end()
    this.#detach(attached)
  }

  #detach(attached: Attached): void {
    if (this.#attached !== attached) return
    attached.socket.off('drain', this.#checkDrains)
    this.#attached = undefined
    this.#taken += takenFrom(attached)
    this.#detachedAt = this.#clock.monotonic()
    this.#checkDrains()
  }
}

/** Returns the bytes that the operating system has taken of a response. */
function takenFrom({ socket, wroteBefore }: Attached): number {
  return socket.bytesWritten - socket.writableLength - wroteBefore
}
