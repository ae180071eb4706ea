import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Clock, systemClock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { RabbleError } from '@rabble/contract'
import {
  defaultPublishLimits,
  type EventLog,
  type LogBatch,
  type LogObserver,
  type LogStart,
  type PublishLimits,
  partitionOf,
  type ReadOptions,
} from '@rabble/event-log'
import {
  Backlog,
  decodeBatch,
  Follower,
  type FollowerSource,
  LocalSignals,
  Malformed,
  PublishQueue,
  parseTraces,
  stepBytes,
} from '@rabble/event-log/parts'

/** A log in memory for several gateways in one test. A test can make it fail. */
export interface MemoryLog extends EventLog {
  /** While true, publishing fails with `unavailable`. */
  broken: boolean
  /** While true, events are stored and confirmed, but one second later the publisher is told that they were not. */
  losesConfirms: boolean
  /** Kind of delivery that stops although nothing looks wrong. */
  stalled: 'log' | 'signals' | undefined
  /** Writes any text, as another program with access to the broker could. */
  inject(text: string | Buffer, partition?: number): void
  /** Sends content that may be no signal, as another program could. */
  injectSignal(content: Buffer): void
  /** Stores nothing until the returned function is called. */
  freeze(): () => void
  /** Number of events in the log. */
  readonly length: number
  /** Offset of the newest batch of partition 0. */
  readonly last: number
  /** Content of the log, with which another one can go on after this one was closed. */
  readonly kept: Kept[][]
}

/** A batch. Its offset is its index. */
interface Kept {
  /** Time at which it was stored. */
  at: number
  bytes: number
  batch: LogBatch
}

export interface MemoryLogOptions {
  clock?: Clock
  limits?: Partial<PublishLimits>
  observer?: LogObserver
  /** Content that another log kept. */
  kept?: Kept[][]
}

/** Time (ms) that the publisher waits for a lost confirm. The event is read long before. */
const lostAfter = 1_000

/** Creates a log from the parts of the real ones, except for the storage of batches. */
export function createMemoryLog(partitions = 1, options: MemoryLogOptions = {}): MemoryLog {
  const { clock = systemClock, observer = {} } = options
  const kept = options.kept ?? Array.from({ length: partitions }, () => [])
  const backlog = new Backlog({ ...defaultPublishLimits, ...options.limits }, observer)
  const malformed = new Malformed(observer, undefined)
  const parts = kept.map((batches, number) => new Partition(number, batches, backlog, malformed, clock))
  const signals = new LocalSignals(malformed)
  const closed = new AbortController()
  let stalled: MemoryLog['stalled']
  /** Resolves when `stalled` changes. */
  let change = new Deferred<void>()

  function part(number: number): Partition {
    const found = parts[number]
    if (found === undefined) throw new RangeError(`there is no partition ${number} of ${partitions}`)
    return found
  }

  async function* read(
    part: Partition,
    from: LogStart,
    signal: AbortSignal,
    options?: ReadOptions,
  ): AsyncGenerator<LogBatch[]> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    for await (const step of part.read(from, signal, options)) {
      while (stalled === 'log' && !signal.aborted) await Promise.race([change.promise, aborted])
      if (signal.aborted) return
      yield step
    }
  }

  const log: MemoryLog = {
    partitions,
    kept,
    broken: false,
    losesConfirms: false,
    get stalled() {
      return stalled
    },
    set stalled(what) {
      stalled = what
      change.resolve()
      change = new Deferred()
    },
    get length() {
      return kept.flat().reduce((sum, { batch }) => sum + batch.entries.length, 0)
    },
    get last() {
      return part(0).last
    },
    inject: (text, number = 0) => part(number).append(Buffer.from(text)),
    injectSignal: (content) => signals.deliver(content),
    freeze() {
      const thaw = parts.map((part) => part.freeze())
      return () => {
        for (const each of thaw) each()
      }
    },
    async publish(event, traceparent) {
      if (log.broken) {
        await nextTurn()
        throw new RabbleError('unavailable', 'the log is down')
      }
      await part(partitionOf(event.room, partitions)).queue.publish(event, traceparent)
      if (!log.losesConfirms) return
      await clock.sleep(lostAfter)
      throw new RabbleError('unavailable', 'not confirmed in time')
    },
    read: (number, from, signal, options) =>
      read(part(number), from, AbortSignal.any([signal, closed.signal]), options),
    signal(signal) {
      const json = JSON.stringify(signal)
      setImmediate(() => {
        if (stalled !== 'signals') signals.deliver(json)
      })
    },
    onSignal: (listener) => signals.on(listener),
    status() {
      const waiting = { waiting: backlog.events, waitingBytes: backlog.bytes }
      return log.broken ? { connected: false, reason: 'broken', ...waiting } : { connected: true, ...waiting }
    },
    async close() {
      await Promise.all(parts.map(({ queue }) => queue.close()))
      closed.abort()
    },
  }
  return log
}

/** Behaves as a partition of the in-process log, without a database. */
class Partition {
  readonly queue: PublishQueue
  readonly #number: number
  readonly #observer: LogObserver
  readonly #malformed: Malformed
  readonly #clock: Clock
  readonly #batches: Kept[]
  readonly #followers = new Set<Follower>()
  #thawed = Promise.resolve()

  constructor(number: number, batches: Kept[], backlog: Backlog, malformed: Malformed, clock: Clock) {
    this.#number = number
    this.#batches = batches
    this.#observer = backlog.observer
    this.#malformed = malformed
    this.#clock = clock
    const send = async (body: Buffer, traces: string | undefined) => {
      await this.#thawed
      this.append(body, traces)
      // Otherwise a busy log would let nothing else run.
      await nextTurn()
    }
    // Time limits of publishing must not keep a test's process.
    const quiet: Clock = {
      ...clock,
      setTimeout(run, milliseconds) {
        const timer = clock.setTimeout(run, milliseconds)
        timer.unref()
        return timer
      },
    }
    const publishing = { clock: quiet, backlog, send }
    this.queue = new PublishQueue(publishing)
    this.queue.open()
  }

  get last(): number {
    return this.#batches.length - 1
  }

  append(body: Buffer, traces?: string): void {
    const offset = this.#batches.length
    const malformed = () => this.#malformed.line(this.#number, offset)
    const entries = decodeBatch(body, malformed, parseTraces(traces))
    const batch = { offset, entries }
    this.#batches.push({ at: this.#clock.now(), bytes: body.length, batch })
    for (const follower of this.#followers) follower.offer(batch, body.length)
  }

  freeze(): () => void {
    const { promise, resolve } = new Deferred<void>()
    this.#thawed = promise
    return resolve
  }

  async *read(from: LogStart, signal: AbortSignal, options?: ReadOptions): AsyncGenerator<LogBatch[]> {
    const source: FollowerSource = {
      last: () => this.last,
      start: async (from) => this.#start(from),
      page: async (after) => this.#page(after),
    }
    const follower = new Follower(this.#number, source, this.#observer, this.#clock)
    this.#followers.add(follower)
    try {
      yield* follower.read(from, signal, options)
    } finally {
      this.#followers.delete(follower)
    }
  }

  #start(from: LogStart): Awaited<ReturnType<FollowerSource['start']>> {
    if (from === 'first') return { offset: -1, anchored: false }
    if (from === 'next') return { offset: this.last, anchored: true }
    if ('age' in from) {
      const time = this.#clock.now() - from.age
      return { offset: this.#batches.findLastIndex(({ at }) => at < time), anchored: false }
    }
    if (from.after <= this.last) return { offset: from.after, anchored: true }
    this.#observer.gap?.(this.#number, from.after + 1, 0)
    return { offset: -1, anchored: false, gap: { expected: from.after + 1 } }
  }

  #page(after: number): LogBatch[] {
    const step: LogBatch[] = []
    let size = 0
    for (const { bytes, batch } of this.#batches.slice(after + 1)) {
      if (size >= stepBytes) break
      size += bytes
      step.push(batch)
    }
    return step
  }
}
