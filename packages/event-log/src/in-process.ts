import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Clock, systemClock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { Database } from '@rabble/database'
import { Backlog } from './backlog.ts'
import { decodeBatch } from './batch.ts'
import { type BatchTable, openBatchTable } from './batch-table.ts'
import { parseTraces } from './batch-traces.ts'
import {
  defaultPublishLimits,
  type EventLog,
  type LogBatch,
  type Logger,
  type LogObserver,
  type LogStart,
  type PublishLimits,
  partitionOf,
  type ReadOptions,
} from './event-log.ts'
import { Follower, type FollowerSource, stepBytes } from './follower.ts'
import { LocalSignals } from './local-signals.ts'
import { Malformed } from './malformed.ts'
import { Outage } from './outage.ts'
import { PublishQueue } from './publish-queue.ts'
import { defaultRetention, type Retention } from './retention.ts'

/** Pauses (ms) before the table is read again. */
const readBackoff = { first: 50, longest: 1_000 }

export interface InProcessLogOptions {
  /** Database of the log's table, which is created if needed. The caller closes it, after the log. */
  database: Database
  /** Number of partitions. Default: 1. */
  partitions?: number
  limits?: Partial<PublishLimits>
  observer?: LogObserver
  logger?: Logger
  /** Retention; only `maxAge` applies here. */
  retention?: Partial<Retention>
  /** Default: the clock of the machine. */
  clock?: Clock
}

/**
 * Opens the log of a single process, in a table of its database. It writes and reads bytes as the RabbitMQ log does, so that code
 * that works here also works there. Only one process at a time may have it open on the same database.
 */
export async function openInProcessLog(options: InProcessLogOptions): Promise<EventLog> {
  const { partitions = 1, observer = {}, logger, clock = systemClock } = options
  const backlog = new Backlog({ ...defaultPublishLimits, ...options.limits }, observer)
  const outage = new Outage('the database of the log', clock, logger)
  const malformed = new Malformed(observer, logger)
  const table = await openBatchTable(options.database, clock)
  const parts: Partition[] = []
  for (let number = 0; number < partitions; number++) {
    const last = await table.last(number)
    parts.push(new Partition({ number, last, table, backlog, malformed, outage, clock }))
  }
  const signals = new LocalSignals(malformed)
  const stop = new AbortController()
  const { maxAge } = { ...defaultRetention, ...options.retention }
  const pruning = prune({ table, partitions, maxAge, clock, signal: stop.signal })

  function part(number: number): Partition {
    const found = parts[number]
    if (found === undefined) throw new RangeError(`there is no partition ${number} of ${partitions}`)
    return found
  }

  return {
    partitions,
    publish: (event, traceparent) =>
      part(partitionOf(event.room, partitions)).queue.publish(event, traceparent),
    read: (number, from, signal, options) =>
      part(number).read(from, AbortSignal.any([signal, stop.signal]), options),
    signal(signal) {
      const json = JSON.stringify(signal)
      setImmediate(() => signals.deliver(json))
    },
    onSignal: (listener) => signals.on(listener),
    status() {
      const reason = outage.reason('write')
      const waiting = { waiting: backlog.events, waitingBytes: backlog.bytes }
      return reason === undefined ? { connected: true, ...waiting } : { connected: false, reason, ...waiting }
    },
    async close() {
      await Promise.all(parts.map((part) => part.queue.close()))
      outage.end()
      stop.abort()
      await pruning
    },
  }
}

interface PartitionOptions {
  number: number
  /** Highest offset in the table. */
  last: number
  table: BatchTable
  backlog: Backlog
  malformed: Malformed
  outage: Outage
  clock: Clock
}

/**
 * One partition. After each statement it yields to the event loop. PGlite runs on this thread and answers without a turn of the
 * loop, so a busy log would block everything else, and its batches would stay small because no socket is read.
 */
class Partition {
  readonly queue: PublishQueue
  readonly #number: number
  readonly #table: BatchTable
  readonly #backlog: Backlog
  readonly #malformed: Malformed
  readonly #outage: Outage
  readonly #clock: Clock
  readonly #followers = new Set<Follower>()
  #last: number

  constructor({ number, last, table, backlog, malformed, outage, clock }: PartitionOptions) {
    this.#number = number
    this.#last = last
    this.#table = table
    this.#backlog = backlog
    this.#malformed = malformed
    this.#outage = outage
    this.#clock = clock
    this.queue = new PublishQueue({ clock, backlog, send: (batch, traces) => this.#append(batch, traces) })
    this.queue.open()
  }

  /** The table has no traces: a reader that has fallen behind gets none. */
  async #append(body: Buffer, traces: string | undefined): Promise<void> {
    try {
      const offset = this.#last + 1
      if (!(await this.#table.insert(this.#number, offset, body))) {
        // An attempt that had failed succeeded after all, or another process wrote: readers find the batch in the table.
        this.#last = await this.#table.last(this.#number)
        throw new Error(`offset ${offset} is taken`)
      }
      this.#last = offset
      this.#outage.up('write')
    } catch (error) {
      this.#outage.down('write', error)
      throw error
    }
    if (this.#followers.size > 0) {
      const batch = this.#decode(this.#last, body, traces)
      for (const follower of this.#followers) follower.offer(batch, body.length)
    }
    await nextTurn()
  }

  #decode(offset: number, body: Buffer, traces?: string): LogBatch {
    const malformed = () => this.#malformed.line(this.#number, offset)
    return { offset, entries: decodeBatch(body, malformed, parseTraces(traces)) }
  }

  async *read(from: LogStart, signal: AbortSignal, options?: ReadOptions): AsyncGenerator<LogBatch[]> {
    const source = {
      last: () => this.#last,
      start: (from: LogStart) => this.#start(from),
      page: (after: number, signal: AbortSignal) => this.#page(after, signal),
    }
    const follower = new Follower(this.#number, source, this.#backlog.observer, this.#clock)
    this.#followers.add(follower)
    try {
      yield* follower.read(from, signal, options)
    } finally {
      this.#followers.delete(follower)
    }
  }

  async #start(from: LogStart): ReturnType<FollowerSource['start']> {
    if (from === 'first') return { offset: -1, anchored: false }
    if (from === 'next') return { offset: this.#last, anchored: true }
    if ('age' in from) {
      const time = this.#clock.now() - from.age
      return { offset: await this.#table.before(this.#number, time), anchored: false }
    }
    if (from.after <= this.#last) return { offset: from.after, anchored: true }
    // The log starts over: all its events are new to this reader.
    this.#backlog.observer.gap?.(this.#number, from.after + 1, 0)
    return { offset: -1, anchored: false, gap: { expected: from.after + 1 } }
  }

  async #page(after: number, signal: AbortSignal): Promise<LogBatch[]> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const rows = await this.#table.after(this.#number, after, stepBytes)
        this.#outage.up('read')
        await nextTurn()
        return rows.map(({ offset, body }) => this.#decode(offset, body))
      } catch (error) {
        this.#outage.down('read', error)
        await this.#clock.sleep(backoffDelay(readBackoff, attempt), { signal, ref: false })
      }
    }
    return []
  }
}

interface PruneOptions {
  table: BatchTable
  partitions: number
  /** Maximum age (ms). */
  maxAge: number
  clock: Clock
  signal: AbortSignal
}

/** Deletes old batches in small steps, so that nobody waits for it, until `signal` aborts. */
async function prune({ table, partitions, maxAge, clock, signal }: PruneOptions): Promise<void> {
  const step = 200
  let reclaimable = 0
  while (!signal.aborted) {
    let most = 0
    try {
      for (let number = 0; number < partitions && !signal.aborted; number++) {
        const pruned = await table.prune(number, maxAge, step)
        reclaimable += pruned
        most = Math.max(most, pruned)
      }
      if (most < step && reclaimable >= 1000) {
        await table.reclaim()
        reclaimable = 0
      }
    } catch {
      // Writing meets the same failure, and reports it.
    }
    await clock.sleep(most === step ? 200 : Math.min(60_000, maxAge / 10), { signal, ref: false })
  }
}
