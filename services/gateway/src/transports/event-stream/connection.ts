import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '@rabble/clock'
import { type CloseReason, closeCodes } from '@rabble/contract'
import type { Connection } from '../../sessions/connection.ts'
import { DrainWaits } from '../drain-waits.ts'
import { ReadingGate } from '../reading-gate.ts'
import { Silence } from '../silence.ts'
import type { BlockWriter } from './block-writer.ts'
import { comment, commentChunk, eventStreamCodec, joinBlocks, namedEvent } from './framing.ts'
import { KeptBlocks } from './kept-blocks.ts'

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
  /** Whether the response is sent in chunks, which HTTP/1.0 doesn't know. Set when it has begun. */
  inChunks: boolean
  /** Time (ms) after which it ends if there are no blocks. With blocks it ends at once. Undefined: it stays open. */
  wait: number | undefined
  /** Time (ms, by the clock's `monotonic`) at which it began. */
  since: number
  silence: Silence
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
  readonly #key: Buffer
  readonly #clock: Clock
  readonly #writer: BlockWriter
  readonly #blocks = new KeptBlocks()
  /** Bytes that were taken from earlier responses. */
  #taken = 0
  #attached: Attached | undefined
  /** Whether the last response was that of a poll. */
  #isPolled = false
  #detachedAt: number
  #closedAt: number | undefined
  #terminated = false
  readonly #gate = new ReadingGate()
  readonly #drains = new DrainWaits((bytes) => this.closed || this.unsent <= bytes)

  /** `writer`: the one of all connections of a transport. */
  constructor(key: string, clock: Clock, writer: BlockWriter) {
    this.#key = Buffer.from(key)
    this.#clock = clock
    this.#writer = writer
    this.#detachedAt = clock.monotonic()
    this.#put([namedEvent('session', {})])
  }

  get unsent(): number {
    const inSocket = this.#attached?.socket.writableLength ?? 0
    // The blocks of a poll are unread until a later request reports them.
    const { pendingBytes, writtenBytes } = this.#blocks
    return pendingBytes + Math.max(inSocket, this.#isPolled ? writtenBytes : 0)
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
    return this.closed && number === this.#blocks.last
  }

  /** Whether everything after the block with this number is still there. */
  holds(number: number): boolean {
    return !this.#terminated && this.#blocks.holds(number)
  }

  /** Notes that all blocks up to this number have arrived. */
  arrived(number: number): void {
    if (this.#blocks.arrived(number)) this.#drains.check()
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
    const attached: Attached = {
      response,
      socket,
      headers: { ...headers, ...responseHeaders },
      inChunks: false,
      wait,
      since: this.#clock.monotonic(),
      silence: new Silence(this.#clock),
      wroteBefore: socket.bytesWritten,
      ended: false,
    }
    this.#attached = attached
    this.#isPolled = wait !== undefined
    this.#blocks.rewind()
    socket.on('drain', this.#drains.check)
    // The close event tells the same.
    response.on('error', () => {})
    if (wait === undefined) {
      response.writeHead(200, attached.headers)
      response.flushHeaders()
      attached.inChunks = response.chunkedEncoding
    }
    // A stream without chunks ends with its TCP connection: the response itself does not wait for what is written past it.
    const whole = wait === undefined && !attached.inChunks ? socket : response
    whole.once('close', () => this.#detach(attached))
    this.#sendPending()
    if (this.closed || wait === 0) this.#end()
  }

  write(pieces: readonly Buffer[]): void {
    if (!this.closed) this.#put(pieces)
  }

  pause(): void {
    if (!this.closed) this.#gate.pause()
  }

  resume(): void {
    this.#gate.resume()
  }

  /** Resolves when the client's frames may be read. */
  reading(): Promise<void> | undefined {
    return this.#gate.reading()
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
    this.#drains.check()
  }

  terminate(): void {
    this.#terminated = true
    this.#closedAt ??= this.#clock.monotonic()
    this.#attached?.socket.destroy()
    this.resume()
    this.#drains.check()
  }

  drained(bytes: number): Promise<void> {
    return this.#drains.drained(bytes)
  }

  /** Writes a comment to a stream that was silent for `silence` (ms), and ends a response whose wait is over. Call it every second. */
  keepAlive(silence: number): void {
    const attached = this.#attached
    if (attached === undefined || attached.ended) return
    const { wait, since, inChunks, socket } = attached
    if (wait !== undefined) {
      if (this.#clock.monotonic() - since >= wait) this.#end()
    } else if (attached.silence.check(silence)) {
      socket.write(inChunks ? commentChunk : comment)
    }
  }

  #put(pieces: readonly Buffer[]): void {
    const [first] = pieces
    const block = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
    const attached = this.#attached
    if (attached === undefined || attached.ended || attached.wait !== undefined) {
      this.#blocks.add(block)
      this.#sendPending()
      return
    }
    attached.silence.wrote()
    // Past the response, which would make several writes of it.
    const { socket, inChunks } = attached
    this.#writer.write(socket, this.#key, this.#blocks.addWritten(block), block, inChunks)
    // A poll reports what the last one brought. The client of a stream may never report anything.
    this.#blocks.forgetOldest()
  }

  /** Writes all pending blocks to the response, if there is one. */
  #sendPending(): void {
    const attached = this.#attached
    if (attached === undefined || attached.ended || !this.#blocks.hasPending) return
    const { first, blocks } = this.#blocks.takePending()
    const { wait, socket, inChunks } = attached
    const bytes = joinBlocks(this.#key, first, blocks, wait === undefined && inChunks)
    if (wait !== undefined) {
      this.#end(bytes)
      return
    }
    socket.write(bytes)
    this.#blocks.forgetOldest()
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
    attached.socket.off('drain', this.#drains.check)
    this.#attached = undefined
    this.#taken += takenFrom(attached)
    this.#detachedAt = this.#clock.monotonic()
    this.#drains.check()
  }
}

/** Returns the bytes that the operating system has taken of a response. */
function takenFrom({ socket, wroteBefore }: Attached): number {
  return socket.bytesWritten - socket.writableLength - wroteBefore
}
