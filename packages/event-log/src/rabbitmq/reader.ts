import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { decodeBatch } from '../batch.ts'
import { parseTraces, tracesHeader } from '../batch-traces.ts'
import { Collecting } from '../collecting.ts'
import type { LogBatch, Logger, LogObserver, LogStart, ReadOptions } from '../event-log.ts'
import type { Malformed } from '../malformed.ts'
import { type OpenChannel, openChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import { endOf } from './end-of-stream.ts'
import type { Topology } from './topology.ts'
import { Window } from './window.ts'

/**
 * Maximum number of unacknowledged batches of one reader: 64 MiB if all are full, usually less than one. It makes no difference
 * for the large batches of a busy log. Behind a log of single events it is the maximum size of history's transactions.
 */
const prefetch = 256
const ackAfter = prefetch / 4
/** Interval (ms) of acknowledgements. RabbitMQ closes a channel after 30 minutes without one (`consumer_timeout`). */
const idleAckAfter = 1000
/** Number of attachments in a row that the broker ended with an internal error, after which the error is reported. */
const maxCrashes = 3
/** Time (ms) to wait for the batch at the reader's position, before it checks where the log ends. */
const anchorTimeout = 3000

export interface ReaderOptions extends ReadOptions {
  connection: Connection
  topology: Topology
  partition: number
  signal: AbortSignal
  /** Called with each batch as it arrives, before the reader yields it. */
  arrived(content: Buffer): void
  observer: LogObserver
  malformed: Malformed
  logger: Logger | undefined
  clock: Clock
}

/** One consumer of the stream, on one channel. Delivery tags and outstanding deliveries belong to it alone. */
interface Attachment {
  open: OpenChannel<Channel>
  /** Offset of the first delivery, if the position is still in the log. */
  expected: number | undefined
  /** Offset of the newest delivery. */
  newest: number | undefined
  /** Delivery tags up to which deliveries were processed, and up to which they were acknowledged. */
  done: number
  acked: number
}

interface Delivery {
  attachment: Attachment
  tag: number
  offset: number
  content: Buffer
  /** Header with the traces of its events, if there are any. */
  traces: unknown
  /** Whether it is the batch that was yielded last. */
  isKnown: boolean
  gap: LogBatch['gap']
}

/** Start at the first batch, at the next one, or at a moment of `clock.monotonic`. */
type Start = 'first' | 'next' | { since: number }

/** Reader of one stream. It attaches again whenever needed, and continues after the last batch that it yielded. */
export class StreamReader {
  readonly #options: ReaderOptions
  /** Whether it reads all of the log, and not only recent events. */
  readonly #readsAll: boolean
  /** Position to attach at before the first batch was yielded. */
  #start: Start
  /** Offset of the last batch that was yielded, and its time by `clock.monotonic`. */
  #last: number | undefined
  #lastAt: number | undefined
  /** Content of that batch, to recognise it. */
  #lastContent: Buffer | undefined
  /** Gap before the first batch of a log that starts over. */
  #gap: LogBatch['gap']
  #attachment: Attachment | undefined
  /** Number of the broker's failures since the last new batch. */
  #crashes = 0
  // As many as arrive for certain: others may be unacknowledged.
  readonly #pending = new Window<Delivery>(prefetch - ackAfter)
  readonly #collecting: Collecting
  #news: Deferred<void> | undefined

  constructor(options: ReaderOptions, from: LogStart) {
    this.#options = options
    this.#collecting = new Collecting(options.clock)
    this.#readsAll = from === 'first' || (typeof from === 'object' && 'after' in from)
    if (typeof from === 'string') this.#start = from
    else if ('age' in from) this.#start = { since: options.clock.monotonic() - from.age }
    else {
      this.#start = 'first'
      if (from.after >= 0) this.#last = from.after
    }
  }

  async *read(): AsyncGenerator<LogBatch[]> {
    const { connection, partition, clock, collect } = this.#options
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#options.signal, ended.signal])
    const end = () => {
      this.#attachment?.open.fail(new Error('the reader ended'))
      this.#news?.resolve()
      this.#collecting.end()
    }
    signal.addEventListener('abort', end)
    const idle = clock.setInterval(() => this.#acknowledge(1), idleAckAfter)
    idle.unref()
    const attached = connection.keep(`reader ${partition}`, signal, (model, up) => this.#attach(model, up))
    try {
      while (!signal.aborted) {
        const taken = this.#pending.take()
        const newest = taken.at(-1)
        if (newest === undefined) {
          // Resolves with the first batch of a socket read, and continues after the last one.
          this.#news = new Deferred()
          await this.#news.promise
          continue
        }
        const step = this.#decode(taken)
        if (step.length > 0) yield step
        // A request for the next step means that this one is processed.
        newest.attachment.done = newest.tag
        this.#acknowledge(ackAfter)
        if (!this.#pending.isFull && !signal.aborted) await this.#collecting.wait(collect?.() ?? 0)
        if (!this.#pending.isEmpty) await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      idle.cancel()
      ended.abort()
      await attached
    }
  }

  async #attach(model: ChannelModel, up: () => void): Promise<void> {
    const { topology, partition, clock, signal } = this.#options
    await topology.declareLog(model, partition)
    const open = await openChannel(model)
    const attachment: Attachment = { open, expected: this.#last, newest: undefined, done: 0, acked: 0 }
    await open.channel.prefetch(prefetch)
    // The broker redelivers what the reader has not yielded yet.
    this.#pending.clear()
    attachment.expected = this.#last
    this.#attachment = attachment
    if (signal.aborted) open.fail(new Error('the reader ended'))
    const ended = new AbortController()
    const count = (error: Error) => {
      if ('code' in error && error.code === 541) this.#crashes++
    }
    model.on('error', count)
    const attachedAt = clock.monotonic()
    try {
      await open.channel.consume(
        topology.names.stream(partition),
        (message) => this.#receive(attachment, message),
        { arguments: { 'x-stream-offset': this.#offset() } },
      )
      // Attaching at "next" again would skip the batches in between: it starts a little earlier instead.
      if (this.#start === 'next') this.#start = { since: attachedAt - 5000 }
      up()
      this.#checkAnchor(model, attachment, ended.signal).catch(() => {})
      await open.lost
    } catch (error) {
      throw this.#crashes < maxCrashes ? error : topology.unreadable(partition)
    } finally {
      ended.abort()
      model.off('error', count)
    }
  }

  /**
   * Detects a log that ends before the reader's position. RabbitMQ then attaches to the next batch, without an error. If nothing
   * arrives, not even the batch that was read last, it may be another log with events that would never be read. The broker or the
   * process may also be busy, so only the end of the log proves it. An empty log proves nothing: the reader gets all its later
   * batches.
   */
  async #checkAnchor(model: ChannelModel, attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { topology, partition, clock } = this.#options
    const stream = topology.names.stream(partition)
    const awaited = () => (attachment.open.alive ? attachment.expected : undefined)
    while (awaited() !== undefined) {
      await clock.sleep(anchorTimeout, { ref: false, signal })
      if (signal.aborted || awaited() === undefined) return
      // Ignores a refusal: the next request may be answered, and a lost connection ends this attachment.
      const end = await endOf(model, stream, clock).catch(() => undefined)
      const expected = awaited()
      if (expected === undefined || end === undefined || end >= expected) continue
      this.#startOver(attachment, end)
    }
  }

  /** Returns the stream offset to attach at: the last batch itself, whose presence shows that nothing is missing. */
  #offset(): unknown {
    if (this.#last !== undefined) return this.#last
    // RabbitMQ's "first" doesn't look for an offset, so it doesn't detect a log that restarted its offsets; see `#startOver`.
    if (this.#start === 'first') return 0
    if (this.#start === 'next') return this.#start
    // Sends an interval, not a time: the broker subtracts it from its own clock, which has dated the batches of the stream.
    const age = this.#options.clock.monotonic() - this.#start.since
    return `${Math.max(1, Math.ceil(age / 1000))}s`
  }

  #receive(attachment: Attachment, message: ConsumeMessage | null): void {
    const { open, expected, newest } = attachment
    if (!open.alive) return
    const headers = message?.properties.headers
    const offset: unknown = headers?.['x-stream-offset']
    if (message === null) {
      open.fail(new Error('the stream was deleted'))
    } else if (typeof offset !== 'number') {
      open.fail(new Error('the queue of the log is no stream'))
    } else if (expected !== undefined && (offset < expected || this.#isOther(offset, message.content))) {
      this.#startOver(attachment, offset)
    } else {
      const { content } = message
      if (offset !== expected) this.#crashes = 0
      this.#options.arrived(content)
      let gap: LogBatch['gap']
      if (expected !== undefined) {
        // Offsets have holes, one at each new segment in RabbitMQ 3.10, so they can't be counted. The presence of the last batch
        // proves that nothing is missing after it. Without it, only the very next offset proves that.
        if (offset > expected + 1) gap = this.#report(expected, offset)
      } else if (newest !== undefined && offset <= newest) {
        // The broker restarted its offsets, as RabbitMQ 3.10 does after a crash that cut off its index. The reader gets all that
        // it has.
        gap = this.#report(newest, offset)
      }
      attachment.expected = undefined
      attachment.newest = offset
      const tag = message.fields.deliveryTag
      const traces: unknown = headers?.[tracesHeader]
      this.#pending.add({ attachment, tag, offset, content, traces, isKnown: offset === expected, gap })
      this.#news?.resolve()
      if (this.#pending.isFull) this.#collecting.end()
    }
  }

  /** Whether another batch has the last offset: a new log has grown past the reader's position. */
  #isOther(offset: number, content: Buffer): boolean {
    return offset === this.#last && this.#lastContent !== undefined && !this.#lastContent.equals(content)
  }

  #report(last: number, found: number): { expected: number } {
    const { partition, observer, logger } = this.#options
    const expected = last + 1
    observer.gap?.(partition, expected, found)
    logger?.warn({ partition, expected, found }, 'the log does not go on where it was read last')
    return { expected }
  }

  /**
   * Restarts the reader because the log ends before its position: the log was deleted and created again, or lost its end. Or
   * RabbitMQ (3.10) restarted the offsets in the same file, after a crash that cut off its index, and can't read the older
   * batches any more. All batches since then are new to the reader. A reader of the whole log begins with the first one. The
   * others attach by time, rather too early: readers keep the first of each id.
   */
  #startOver(attachment: Attachment, found: number): void {
    const gap = this.#report(attachment.expected ?? -1, found)
    this.#gap ??= gap
    const readUntil = this.#readsAll ? undefined : this.#lastAt
    this.#start = readUntil === undefined ? 'first' : { since: readUntil - 60_000 }
    this.#last = undefined
    this.#lastContent = undefined
    attachment.open.fail(new Error('the log starts over'))
  }

  #decode(taken: Delivery[]): LogBatch[] {
    const { partition, malformed } = this.#options
    const step: LogBatch[] = []
    for (const { offset, content, traces, isKnown, ...delivery } of taken) {
      if (isKnown) continue
      this.#last = offset
      this.#lastContent = content
      const entries = decodeBatch(content, () => malformed.line(partition, offset), parseTraces(traces))
      const gap = this.#gap ?? delivery.gap
      step.push({ offset, entries, ...(gap && { gap }) })
      this.#gap = undefined
    }
    if (step.length > 0) this.#lastAt = this.#options.clock.monotonic()
    return step
  }

  /** Acknowledges processed batches if there are at least `least`. Never acknowledges a tag twice, which closes the channel. */
  #acknowledge(least: number): void {
    const attachment = this.#attachment
    if (attachment === undefined) return
    if (attachment.done - attachment.acked < least) return
    const upTo = { fields: { deliveryTag: attachment.done } } as ConsumeMessage
    attachment.acked = attachment.done
    attachment.open.send((channel) => channel.ack(upTo, true))
  }
}
