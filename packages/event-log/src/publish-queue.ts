import type { Clock, Timer } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { backoffDelay } from '@rabble/clock/retry'
import type { LogEvent } from '@rabble/contract'
import type { Backlog } from './backlog.ts'
import { encodeBatch } from './batch.ts'
import { BatchTraces } from './batch-traces.ts'

/** Limits of a batch, so that a reader's window of batches is limited in bytes as well. */
const batchEvents = 1000
const batchBytes = 256 * 1024

/** Pauses (ms) before a batch is published again. */
const backoff = { first: 100, longest: 1_000 }

interface Waiting {
  line: string
  /** Length in UTF-8, with the line feed. */
  bytes: number
  deadline: number
  resolve(): void
  reject(error: Error): void
  settled: boolean
  /** Set only if the event is traced. */
  traceparent?: string
}

interface Batch {
  bytes: Buffer
  /** Traces of its events, as a header; undefined if none is traced. */
  traces: string | undefined
  events: Waiting[]
  /** Number of its events that callers still wait for. */
  wanted: number
  attempts: number
  /** Whether it was read back from the log. */
  isThere: boolean
  /** Reason why its last attempt failed. */
  failure: unknown
  sentAt: number
}

export interface PublishQueueOptions {
  clock: Clock
  backlog: Backlog
  /** Stores a batch durably. Rejects if the outcome is uncertain: the same bytes are then sent again. */
  send(batch: Buffer, traces: string | undefined): Promise<void>
  /** Minimum time (ms) between the beginnings of two batches. Default: 0. */
  spacing?: number
  /** Called once for a batch that was read back from the log although `send` rejected with `failure`. */
  refuted?(failure: unknown, events: number): void
  /** Called if a batch has neither succeeded nor failed for twice the time limit: the connection hangs. */
  stuck?(): void
}

/**
 * Orders the publishing of one partition. At most one batch is unconfirmed, and the events that arrive meanwhile go out together
 * in the next batch (group commit). A quiet log therefore sends each event at once and alone; a busy one makes batches as large
 * as needed. No batch overtakes another, so a retry can't change the order.
 *
 * A batch costs the broker and each reader much, whatever its size. With `spacing`, the events of some milliseconds share one, and all
 * those of one turn of the event loop.
 */
export class PublishQueue {
  readonly #clock: Clock
  readonly #backlog: Backlog
  readonly #options: PublishQueueOptions
  #waiting: Waiting[] = []
  #batch: Batch | undefined
  #inFlight = false
  /** Time at which the last batch was sent. */
  #sentAt = Number.NEGATIVE_INFINITY
  /** Whether the next batch waits for its time. */
  #willPump = false
  #open = false
  #closed = false
  #expiry: Timer | undefined
  #retry: Timer | undefined
  #drained: Deferred<void> | undefined

  constructor(options: PublishQueueOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#backlog = options.backlog
  }

  /** Publishes an event, see EventLog.publish. */
  publish(event: LogEvent, traceparent?: string): Promise<void> {
    const backlog = this.#backlog
    if (this.#closed) return Promise.reject(backlog.refuse(1, 'closed'))
    const line = JSON.stringify(event)
    const bytes = Buffer.byteLength(line) + 1
    if (!backlog.hasRoomFor(bytes)) return Promise.reject(backlog.refuse(1, 'full'))
    backlog.add(bytes)
    const { publishTimeout } = backlog.limits
    const deadline = this.#clock.monotonic() + publishTimeout
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { line, bytes, deadline, resolve, reject, settled: false }
      if (traceparent !== undefined) waiting.traceparent = traceparent
      this.#waiting.push(waiting)
      // One timer serves all events. A confirm doesn't stop it: a busy queue sets it once per time limit.
      this.#expiry ??= this.#clock.setTimeout(this.#expire, publishTimeout)
      this.#pumpSpaced()
    })
  }

  /** Starts sending. */
  open(): void {
    this.#open = true
    this.#pump()
  }

  /** Stops sending. Events wait until `open`, each no longer than its deadline. */
  shut(): void {
    this.#open = false
    this.#retry?.cancel()
    this.#retry = undefined
  }

  /**
   * Handles a batch that was read from the log. If it has the bytes of the unconfirmed batch, that one is in the log, whatever
   * its confirm says, and is not sent again.
   */
  arrived(content: Buffer): void {
    const batch = this.#batch
    if (batch === undefined || batch.isThere || !batch.bytes.equals(content)) return
    batch.isThere = true
    for (const event of batch.events) {
      if (!event.settled) this.#settle(event).resolve()
    }
    batch.wanted = 0
    if (batch.failure !== undefined) this.#options.refuted?.(batch.failure, batch.events.length)
    if (this.#retry !== undefined) this.#goOn()
    this.#checkDrained()
  }

  /** Refuses new events. Resolves once all others are confirmed or have failed, by their deadlines at the latest. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#waiting.length > 0 || (this.#batch?.wanted ?? 0) > 0) {
      this.#drained = new Deferred()
      await this.#drained.promise
    }
    this.shut()
    this.#expiry?.cancel()
    this.#expiry = undefined
  }

  /** Sends the next batch once `spacing` allows, with all that has come until then. */
  #pumpSpaced(): void {
    const { spacing = 0 } = this.#options
    if (this.#willPump || this.#inFlight) return
    this.#willPump = true
    const pump = () => {
      this.#willPump = false
      this.#pump()
    }
    const wait = this.#sentAt + spacing - this.#clock.monotonic()
    if (spacing === 0) pump()
    else if (wait > 0) this.#clock.setTimeout(pump, wait)
    else setImmediate(pump)
  }

  #pump(): void {
    if (!this.#open || this.#inFlight || this.#retry !== undefined) return
    if (this.#batch?.wanted === 0) this.#batch = undefined
    this.#batch ??= this.#nextBatch()
    const batch = this.#batch
    if (batch === undefined) return
    if (batch.attempts++ > 0) this.#backlog.observer.retried?.(batch.events.length)
    this.#sentAt = this.#clock.monotonic()
    batch.sentAt = this.#sentAt
    this.#inFlight = true
    this.#options.send(batch.bytes, batch.traces).then(
      () => this.#confirmed(batch),
      (error: unknown) => this.#failed(batch, error),
    )
  }

  #nextBatch(): Batch | undefined {
    if (this.#waiting.length === 0) return undefined
    let count = 0
    let bytes = 0
    const lines: string[] = []
    let traces: BatchTraces | undefined
    for (const event of this.#waiting) {
      if (count === batchEvents || (count > 0 && bytes + event.bytes > batchBytes)) break
      if (event.traceparent !== undefined) {
        traces ??= new BatchTraces()
        traces.add(count, event.traceparent)
      }
      count++
      bytes += event.bytes
      lines.push(event.line)
    }
    const events = this.#waiting.splice(0, count)
    const batch = { bytes: encodeBatch(lines, bytes), events, wanted: count, attempts: 0, sentAt: 0 }
    return { ...batch, traces: traces?.toString(), isThere: false, failure: undefined }
  }

  #confirmed(batch: Batch): void {
    this.#inFlight = false
    this.#batch = undefined
    const { observer, limits } = this.#backlog
    const first = batch.events[0]
    if (first !== undefined && observer.confirmed !== undefined) {
      const seconds = (this.#clock.monotonic() - first.deadline + limits.publishTimeout) / 1000
      observer.confirmed(seconds, batch.events.length, batch.bytes.length)
    }
    for (const event of batch.events) {
      if (!event.settled) this.#settle(event).resolve()
    }
    this.#pumpSpaced()
    this.#checkDrained()
  }

  #failed(batch: Batch, failure: unknown): void {
    this.#inFlight = false
    if (batch.isThere && batch.failure === undefined) this.#options.refuted?.(failure, batch.events.length)
    batch.failure = failure
    if (this.#open && batch.wanted > 0) {
      // While shut, only `open` continues. The pause has at least half of its length, in which the batch may come back.
      const delay = backoffDelay(backoff, batch.attempts)
      this.#retry = this.#clock.setTimeout(() => {
        this.#retry = undefined
        this.#pump()
      }, delay)
    } else {
      this.#pump()
    }
  }

  /** Fails overdue events. All events have the same time limit, so the oldest come first. */
  readonly #expire = (): void => {
    const now = this.#clock.monotonic()
    const overdue: Waiting[] = []
    const batch = this.#batch
    for (const event of batch?.events ?? []) {
      if (event.settled || event.deadline > now) continue
      overdue.push(event)
      if (batch !== undefined) batch.wanted--
    }
    let count = 0
    for (const event of this.#waiting) {
      if (event.deadline > now) break
      count++
    }
    overdue.push(...this.#waiting.splice(0, count))
    if (overdue.length > 0) {
      // One error serves all: a stack trace for each of thousands would block the process for a while.
      const error = this.#backlog.refuse(overdue.length, 'timeout')
      for (const event of overdue) this.#settle(event).reject(error)
      this.#checkDrained()
    }
    if (batch?.wanted === 0 && this.#retry !== undefined) this.#goOn()
    this.#expiry = undefined
    const next = this.#nextExpiry(now)
    if (next !== undefined) this.#expiry = this.#clock.setTimeout(this.#expire, Math.max(1, next - now))
  }

  /** Sends the next batch without the pause after the failure of the last one. */
  #goOn(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#pump()
  }

  /** Returns the time of the next check. Reports the batch in flight if it is stuck. */
  #nextExpiry(now: number): number | undefined {
    const batch = this.#batch
    if (batch !== undefined && batch.wanted > 0) {
      return batch.events.find((event) => !event.settled)?.deadline
    }
    if (batch !== undefined && this.#inFlight) {
      const timeout = 2 * this.#backlog.limits.publishTimeout
      if (now >= batch.sentAt + timeout) {
        batch.sentAt = now
        this.#options.stuck?.()
      }
      return Math.min(batch.sentAt + timeout, this.#waiting[0]?.deadline ?? Number.POSITIVE_INFINITY)
    }
    return this.#waiting[0]?.deadline
  }

  #settle(event: Waiting): Waiting {
    event.settled = true
    this.#backlog.remove(event.bytes)
    return event
  }

  #checkDrained(): void {
    if (this.#waiting.length === 0 && (this.#batch?.wanted ?? 0) === 0) this.#drained?.resolve()
  }
}
