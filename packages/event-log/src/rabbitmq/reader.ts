import type { Clock } from '@rabble/clock'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { decodeBatch } from '../batch.ts'
import type { LogBatch, Logger, LogObserver, LogStart } from '../event-log.ts'
import type { Malformed } from '../malformed.ts'
import { type OpenChannel, openChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import { endOf } from './end-of-stream.ts'
import type { Topology } from './topology.ts'

/**
 * Batches on the way to, or in the hands of, one reader: 64 MiB if all are full, as a rule less than one. For the large
 * batches of a busy log it makes no difference; behind a log of single events history's transactions are no larger than this.
 */
const prefetch = 256
const ackAfter = prefetch / 4
/** Bytes after which a step ends although more is there, so that replay leaves the process time for other things. */
const stepBytes = 512 * 1024
/** What is not acknowledged for 30 minutes makes RabbitMQ close the channel (`consumer_timeout`). */
const idleAckAfter = 1000
/** Attachments in a row that the broker ended by an internal error, after which that is reported. */
const maxCrashes = 3
/** Milliseconds without the batch at which a reader attached, after which it asks where the log ends. */
const anchorTimeout = 3000

export interface ReaderOptions {
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

/** One consumer of the stream, on one channel: tags and what is outstanding belong to it alone. */
interface Attachment {
  open: OpenChannel<Channel>
  /** The offset that the first delivery must have, if the position is still in the log. */
  expected: number | undefined
  /** The offset of the newest delivery. */
  newest: number | undefined
  /** Tags up to which deliveries were handed over and are done with, and up to which the broker was told so. */
  done: number
  acked: number
}

interface Delivery {
  attachment: Attachment
  tag: number
  offset: number
  content: Buffer
  /** Whether it is the batch that was yielded last. */
  isKnown: boolean
  gap: LogBatch['gap']
}

/** At the first batch, the next one, or what came since a moment of `clock.monotonic`. */
type Start = 'first' | 'next' | { since: number }

/** One reader of one stream: attaches again whenever it has to, and goes on after the last batch that it yielded. */
export class StreamReader {
  readonly #options: ReaderOptions
  /** Whether it reads all of the log, and not only what is recent. */
  readonly #readsAll: boolean
  /** Where to attach as long as nothing was yielded. */
  #start: Start
  /** The offset of the last batch that was yielded, and when it was, by `clock.monotonic`. */
  #last: number | undefined
  #lastAt: number | undefined
  /** The content of that batch, by which it is known again. */
  #lastContent: Buffer | undefined
  /** What was missed before the first batch of a log that starts over. */
  #gap: LogBatch['gap']
  #attachment: Attachment | undefined
  /** How often the broker has failed since something new came. */
  #crashes = 0
  #pending: Delivery[] = []
  #wake: (() => void) | undefined

  constructor(options: ReaderOptions, from: LogStart) {
    this.#options = options
    this.#readsAll = from === 'first' || (typeof from === 'object' && 'after' in from)
    if (typeof from === 'string') this.#start = from
    else if ('age' in from) this.#start = { since: options.clock.monotonic() - from.age }
    else {
      this.#start = 'first'
      if (from.after >= 0) this.#last = from.after
    }
  }

  async *read(): AsyncGenerator<LogBatch[]> {
    const { connection, partition, clock } = this.#options
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#options.signal, ended.signal])
    const end = () => {
      this.#attachment?.open.fail(new Error('the reader ended'))
      this.#wake?.()
    }
    signal.addEventListener('abort', end)
    const idle = clock.setInterval(() => this.#acknowledge(1), idleAckAfter)
    idle.unref()
    const attached = connection.keep(`reader ${partition}`, signal, (model, up) => this.#attach(model, up))
    try {
      while (!signal.aborted) {
        const taken = this.#take()
        const newest = taken.at(-1)
        if (newest === undefined) {
          // Resolved within the delivery of the first batch of a socket read, continued after that of the last.
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
          continue
        }
        const step = this.#decode(taken)
        if (step.length > 0) yield step
        // Asked for the next step, so done with this one.
        newest.attachment.done = newest.tag
        this.#acknowledge(ackAfter)
        if (this.#pending.length > 0) await new Promise((resolve) => setImmediate(resolve))
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
    // What was delivered and not yet yielded comes again.
    this.#pending = []
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
      // To attach to what is next a second time would skip what came in between: rather begin a little early.
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
   * Behind the end of the log RabbitMQ attaches to what comes next, without an error. So if nothing comes, not even the
   * batch that was read last, it may be another log, with events already that would otherwise never be read. Or broker or
   * process are busy, so where the log ends has to prove it. An empty one does not: what it gets comes to us.
   */
  async #checkAnchor(model: ChannelModel, attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { topology, partition, clock } = this.#options
    const stream = topology.names.stream(partition)
    const awaited = () => (attachment.open.alive ? attachment.expected : undefined)
    while (awaited() !== undefined) {
      await clock.sleep(anchorTimeout, { ref: false, signal })
      if (signal.aborted || awaited() === undefined) return
      // Refused: the next one may be answered, and if the connection is gone, so are we.
      const end = await endOf(model, stream, clock).catch(() => undefined)
      const expected = awaited()
      if (expected === undefined || end === undefined || end >= expected) continue
      this.#startOver(attachment, end)
    }
  }

  /** At the last batch itself, and not after it: whether it is still there tells whether anything is missing. */
  #offset(): unknown {
    if (this.#last !== undefined) return this.#last
    // Not RabbitMQ's "first", which looks for no offset and so finds no log that counts anew; see `#startOver`.
    if (this.#start === 'first') return 0
    if (this.#start === 'next') return this.#start
    // An interval and not a time: the broker subtracts it from its own clock, by which it has dated what is in the stream.
    const age = this.#options.clock.monotonic() - this.#start.since
    return `${Math.max(1, Math.ceil(age / 1000))}s`
  }

  #receive(attachment: Attachment, message: ConsumeMessage | null): void {
    const { open, expected, newest } = attachment
    if (!open.alive) return
    const offset: unknown = message?.properties.headers?.['x-stream-offset']
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
        // Offsets have holes, one at each new segment in RabbitMQ 3.10, so they can't be counted: it is the presence of
        // the last batch that proves that nothing is missing after it. If it is gone, only the very next offset does.
        if (offset > expected + 1) gap = this.#report(expected, offset)
      } else if (newest !== undefined && offset <= newest) {
        // The broker has lost count: RabbitMQ 3.10 does after a crash that cut off its index. All that it has comes to us.
        gap = this.#report(newest, offset)
      }
      attachment.expected = undefined
      attachment.newest = offset
      const tag = message.fields.deliveryTag
      this.#pending.push({ attachment, tag, offset, content, isKnown: offset === expected, gap })
      this.#wake?.()
    }
  }

  /** Whether a batch stands where the last one did and is not it: a new log has grown past our position already. */
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
   * The log ends before our position: it was deleted and made anew, or lost its end. Or RabbitMQ (3.10) counts anew, in the same
   * file, after a crash that cut off its index: what stands there from before it can't read any more. All that came since then is new to
   * us. One who reads all of it begins with the first; the others attach by time, rather too early: readers keep the first
   * of each id.
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

  #take(): Delivery[] {
    let bytes = 0
    let count = 0
    for (const { content } of this.#pending) {
      count++
      bytes += content.length
      if (bytes >= stepBytes) break
    }
    return this.#pending.splice(0, count)
  }

  #decode(taken: Delivery[]): LogBatch[] {
    const { partition, malformed } = this.#options
    const step: LogBatch[] = []
    for (const { offset, content, isKnown, ...delivery } of taken) {
      if (isKnown) continue
      this.#last = offset
      this.#lastContent = content
      const entries = decodeBatch(content, () => malformed.line(partition, offset))
      const gap = this.#gap ?? delivery.gap
      step.push({ offset, entries, ...(gap && { gap }) })
      this.#gap = undefined
    }
    if (step.length > 0) this.#lastAt = this.#options.clock.monotonic()
    return step
  }

  /** Tells the broker what is done, if it is `least` batches. Never the same tag twice, which closes the channel. */
  #acknowledge(least: number): void {
    const attachment = this.#attachment
    if (attachment === undefined) return
    if (attachment.done - attachment.acked < least) return
    const upTo = { fields: { deliveryTag: attachment.done } } as ConsumeMessage
    attachment.acked = attachment.done
    attachment.open.send((channel) => channel.ack(upTo, true))
  }
}
