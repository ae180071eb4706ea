import type { Clock, Timer } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { LogEvent } from '@rabble/contract'
import type { Backlog } from './backlog.ts'
import { encodeBatch } from './batch.ts'

/** A batch never holds more, so that a reader's window of batches is a bound in bytes as well. */
const batchEvents = 1000
const batchBytes = 256 * 1024

/** Pauses (ms) before a batch is published again. */
const backoff = { first: 100, longest: 1_000 }

interface Waiting {
  line: string
  /** In UTF-8, with the line feed. */
  bytes: number
  deadline: number
  resolve(): void
  reject(error: Error): void
  settled: boolean
}

interface Batch {
  bytes: Buffer
  events: Waiting[]
  /** How many of its events somebody still waits for. */
  wanted: number
  attempts: number
  /** Whether it came back through the log. */
  isThere: boolean
  /** Why its last attempt failed. */
  failure: unknown
  sentAt: number
}

export interface PublishQueueOptions {
  clock: Clock
  backlog: Backlog
  /** Makes a batch last. Rejects if it is uncertain whether it did: the same bytes are sent again. */
  send(batch: Buffer): Promise<void>
  /** Called once for a batch that came back through the log although `send` rejected with `failure`. */
  refuted?(failure: unknown, events: number): void
  /** A batch has neither succeeded nor failed for twice the time limit: whatever it was handed to hangs. */
  stuck?(): void
}

/**
 * Orders the publishing of one partition: at most one batch is unconfirmed, and what arrives meanwhile goes out
 * together in the next (group commit). A quiet log therefore sends each event at once and alone, a busy one makes its
 * batches just as large as it needs; and since no batch overtakes another, a retry can't change the order.
 */
export class PublishQueue {
  readonly #clock: Clock
  readonly #backlog: Backlog
  readonly #options: PublishQueueOptions
  #waiting: Waiting[] = []
  #batch: Batch | undefined
  #inFlight = false
  #open = false
  #closed = false
  #expiry: Timer | undefined
  #retry: Timer | undefined
  #drained: (() => void) | undefined

  constructor(options: PublishQueueOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#backlog = options.backlog
  }

  /** As EventLog.publish. */
  publish(event: LogEvent): Promise<void> {
    const backlog = this.#backlog
    if (this.#closed) return Promise.reject(backlog.refuse(1, 'closed'))
    const line = JSON.stringify(event)
    const bytes = Buffer.byteLength(line) + 1
    if (!backlog.hasRoomFor(bytes)) return Promise.reject(backlog.refuse(1, 'full'))
    backlog.add(bytes)
    const { publishTimeout } = backlog.limits
    const deadline = this.#clock.monotonic() + publishTimeout
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, bytes, deadline, resolve, reject, settled: false })
      // One timer for all, for the oldest, and not stopped by a confirm: a busy queue sets it once per time limit.
      this.#expiry ??= this.#clock.setTimeout(this.#expire, publishTimeout)
      this.#pump()
    })
  }

  /** From now on batches can be sent. */
  open(): void {
    this.#open = true
    this.#pump()
  }

  /** From now on they can't: they wait until `open`, each event no longer than its deadline. */
  shut(): void {
    this.#open = false
    this.#retry?.cancel()
    this.#retry = undefined
  }

  /**
   * A batch was read from the log. If it is the one that is unconfirmed, known by its bytes, it is there, whatever becomes of
   * its confirm, and is not sent again.
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

  /** Takes no more, and resolves once everything was confirmed or given up, which the deadlines bound. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#waiting.length > 0 || (this.#batch?.wanted ?? 0) > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
    }
    this.shut()
    this.#expiry?.cancel()
    this.#expiry = undefined
  }

  #pump(): void {
    if (!this.#open || this.#inFlight || this.#retry !== undefined) return
    if (this.#batch?.wanted === 0) this.#batch = undefined
    this.#batch ??= this.#nextBatch()
    const batch = this.#batch
    if (batch === undefined) return
    if (batch.attempts++ > 0) this.#backlog.observer.retried?.(batch.events.length)
    batch.sentAt = this.#clock.monotonic()
    this.#inFlight = true
    this.#options.send(batch.bytes).then(
      () => this.#confirmed(batch),
      (error: unknown) => this.#failed(batch, error),
    )
  }

  #nextBatch(): Batch | undefined {
    if (this.#waiting.length === 0) return undefined
    let count = 0
    let bytes = 0
    const lines: string[] = []
    for (const event of this.#waiting) {
      if (count === batchEvents || (count > 0 && bytes + event.bytes > batchBytes)) break
      count++
      bytes += event.bytes
      lines.push(event.line)
    }
    const events = this.#waiting.splice(0, count)
    const batch = { bytes: encodeBatch(lines, bytes), events, wanted: count, attempts: 0, sentAt: 0 }
    return { ...batch, isThere: false, failure: undefined }
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
    this.#pump()
    this.#checkDrained()
  }

  #failed(batch: Batch, failure: unknown): void {
    this.#inFlight = false
    if (batch.isThere && batch.failure === undefined) this.#options.refuted?.(failure, batch.events.length)
    batch.failure = failure
    if (this.#open && batch.wanted > 0) {
      // While shut there is nothing to wait for but `open`. Half of it at least, in which the batch may come back.
      const delay = backoffDelay(backoff, batch.attempts)
      this.#retry = this.#clock.setTimeout(() => {
        this.#retry = undefined
        this.#pump()
      }, delay)
    } else {
      this.#pump()
    }
  }

  /** Gives up what is overdue. All events have the same time limit, so the oldest come first. */
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
      // One error for all: a stack trace for each of thousands would stop the process for a while.
      const error = this.#backlog.refuse(overdue.length, 'timeout')
      for (const event of overdue) this.#settle(event).reject(error)
      this.#checkDrained()
    }
    if (batch?.wanted === 0 && this.#retry !== undefined) this.#goOn()
    this.#expiry = undefined
    const next = this.#nextExpiry(now)
    if (next !== undefined) this.#expiry = this.#clock.setTimeout(this.#expire, Math.max(1, next - now))
  }

  /** Sends the next batch, which needn't wait because the last one failed. */
  #goOn(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#pump()
  }

  /** When to look again; tells on the way whether the batch in flight is stuck. */
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
    if (this.#drained !== undefined && this.#waiting.length === 0 && (this.#batch?.wanted ?? 0) === 0) {
      this.#drained()
    }
  }
}
