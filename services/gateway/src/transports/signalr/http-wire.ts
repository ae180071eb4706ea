import type { ServerResponse } from 'node:http'
import type { Clock } from '@rabble/clock'
import type { CloseReason } from '@rabble/contract'
import { DrainWaits } from '../drain-waits.ts'
import { ReadingGate } from '../reading-gate.ts'
import type { Wire } from './wire.ts'

/** Maximum time (ms) that a poll waits: less than the timeouts of proxies. */
export const longestWait = 25_000

/** Time (ms) that a client has to read the last bytes of its event stream. */
const closeTimeout = 2_000

const eventStreamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // Tells Nginx not to hold the response back.
  'x-accel-buffering': 'no',
}

const beforeEvent = Buffer.from('data: ')
const afterEvent = Buffer.from('\n\n')

/** The common part of Server-Sent Events and long polling: messages go up in requests of their own. */
abstract class HttpWire implements Wire {
  abstract readonly takesBytes: boolean
  abstract readonly needsPings: boolean
  readonly unfinishedSince = undefined
  protected readonly clock: Clock
  protected bytes = false
  #taken = 0
  #unsent = 0
  #isClosed = false
  readonly #gate = new ReadingGate()
  readonly #drains = new DrainWaits((bytes) => this.#isClosed || this.#unsent <= bytes)

  constructor(clock: Clock) {
    this.clock = clock
  }

  abstract write(pieces: readonly Buffer[]): void
  abstract ping(): void
  abstract end(): void
  abstract terminate(): void
  /** Checks the times of the connection. Returns false if the client is gone. */
  abstract check(): boolean

  get unsent(): number {
    return this.#unsent
  }

  get taken(): number {
    return this.#taken
  }

  /** Whether nothing more is taken from the client, or written except for what waits. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  control(bytes: Buffer): void {
    this.write([bytes])
  }

  carry(bytes: boolean): void {
    this.bytes = bytes
  }

  pause(): void {
    if (!this.#isClosed) this.#gate.pause()
  }

  resume(): void {
    this.#gate.resume()
  }

  /** Resolves when the client's messages may be read. */
  reading(): Promise<void> | undefined {
    return this.#gate.reading()
  }

  close(_reason: CloseReason, _message: string, last: Buffer): void {
    if (last.length > 0) this.write([last])
    this.end()
  }

  drained(bytes: number): Promise<void> {
    return this.#drains.drained(bytes)
  }

  /** Counts bytes that were written, and those that the system has taken. */
  protected count(written: number, taken: number): void {
    this.#unsent += written - taken
    this.#taken += taken
    this.#drains.check()
  }

  protected closed(): void {
    this.#isClosed = true
    this.resume()
    this.#drains.check()
  }
}

/** Server-Sent Events: one response, in which each event carries whole messages. A cut ends the connection. */
export class EventWire extends HttpWire {
  readonly takesBytes = false
  readonly needsPings = true
  #response: ServerResponse | undefined

  /** Begins the response. */
  attach(response: ServerResponse, headers: object): void {
    this.#response = response
    response.on('error', () => {})
    response.writeHead(200, { ...headers, ...eventStreamHeaders })
    response.flushHeaders()
  }

  write(pieces: readonly Buffer[]): void {
    const response = this.#response
    if (this.isClosed || response === undefined || response.destroyed) return
    response.cork()
    for (const piece of pieces) {
      const size = beforeEvent.length + piece.length + afterEvent.length
      this.count(size, 0)
      response.write(beforeEvent)
      response.write(piece)
      response.write(afterEvent, () => this.count(0, size))
    }
    response.uncork()
  }

  /** A client shows signs of life by messages only. */
  ping(): void {}

  end(): void {
    this.#response?.end()
    this.clock.setTimeout(() => this.#response?.destroy(), closeTimeout).unref()
    this.closed()
  }

  terminate(): void {
    this.#response?.destroy()
    this.closed()
  }

  check(): boolean {
    return this.#response?.destroyed === false
  }
}

interface Poll {
  response: ServerResponse
  headers: object
  /** The id of the request. */
  id: string | undefined
  /** Time (ms, by the clock's `monotonic`) at which it came. */
  since: number
}

/** The messages that a poll was answered with. */
interface Given {
  id: string | undefined
  body: Buffer
}

/**
 * Long polling: each response ends after the first messages. The next poll tells that they have arrived. Those whose response was cut
 * go into the next one. A poll that a proxy repeats gets the same messages again.
 */
export class PollWire extends HttpWire {
  readonly takesBytes = true
  readonly needsPings = false
  readonly #returnTimeout: number
  #waiting: Buffer[] = []
  #poll: Poll | undefined
  /** The answer to the last poll. */
  #given: Given | undefined
  /** Responses that the client has not read yet. */
  readonly #unread = new Set<ServerResponse>()
  /** Time (ms, by the clock's `monotonic`) at which the last response, or the connection, ended. */
  #leftAt: number

  /** `returnTimeout`: time (ms) without a poll after which the client is gone. */
  constructor(clock: Clock, returnTimeout: number) {
    super(clock)
    this.#returnTimeout = returnTimeout
    this.#leftAt = clock.monotonic()
  }

  /** Takes a poll. It ends an earlier one. */
  poll(response: ServerResponse, headers: object, id?: string): void {
    this.#answer(204)
    const poll = { response, headers, id, since: this.clock.monotonic() }
    this.#poll = poll
    response.on('error', () => {})
    response.on('close', () => this.#left(poll))
    const given = this.#given
    this.#given = undefined
    if (given !== undefined && id !== undefined && given.id === id) {
      this.count(given.body.length, 0)
      this.#give(poll, given.body)
    } else if (this.#waiting.length > 0) this.#answer(200)
    else if (this.isClosed) this.#answer(204)
  }

  write(pieces: readonly Buffer[]): void {
    if (this.isClosed) return
    for (const piece of pieces) {
      this.#waiting.push(piece)
      this.count(piece.length, 0)
    }
    if (this.#poll !== undefined) this.#answer(200)
  }

  /** Ends the poll: a client that lives sends the next one. */
  ping(): void {
    this.#answer(200)
  }

  end(): void {
    this.#answer(204)
    this.#absent()
    this.closed()
  }

  terminate(): void {
    this.#waiting = []
    this.#given = undefined
    this.#poll?.response.destroy()
    for (const response of this.#unread) response.destroy()
    this.closed()
  }

  check(): boolean {
    const now = this.clock.monotonic()
    // The client may read the last response for longer than it may stay away.
    const isReading = !this.isClosed && this.#unread.size > 0
    if (this.#poll === undefined) return isReading || now - this.#leftAt < this.#returnTimeout
    if (now - this.#poll.since >= longestWait) this.#answer(200)
    return true
  }

  /** Answers the poll, if there is one: with what waits, or with this status. */
  #answer(status: 200 | 204): void {
    const poll = this.#poll
    if (poll === undefined) return
    const { response, headers } = poll
    const pieces = this.#waiting
    if (pieces.length === 0) {
      this.#left(poll)
      response.writeHead(status, { ...headers, ...(status === 200 && { 'content-length': 0 }) }).end()
      return
    }
    this.#waiting = []
    this.#give(poll, Buffer.concat(pieces))
  }

  #give(poll: Poll, body: Buffer): void {
    this.#left(poll)
    const { response, headers, id } = poll
    this.#unread.add(response)
    const given = { id, body }
    this.#given = given
    const type = this.bytes ? 'application/octet-stream' : 'text/plain'
    response.once('close', () => {
      this.#unread.delete(response)
      this.#absent()
      const isRepeated = this.#given !== given && this.#given?.body === body
      if (response.writableFinished || isRepeated) this.count(0, body.length)
      else {
        this.#waiting.unshift(body)
        if (this.#given === given) this.#given = undefined
      }
    })
    response
      .writeHead(200, {
        ...headers,
        'content-type': type,
        'content-length': body.length,
        'cache-control': 'no-store',
      })
      .end(body)
  }

  #left(poll: Poll): void {
    if (this.#poll !== poll) return
    this.#poll = undefined
    this.#absent()
  }

  /** Notes that the client has no request here any more. After the end, more polls don't give it more time. */
  #absent(): void {
    if (!this.isClosed) this.#leftAt = this.clock.monotonic()
  }
}
