import type { LogEvent, Signal } from '@rabble/contract'

/**
 * The log of chat events: one order per room for everybody, nothing lost that was confirmed, replay from a position.
 * Two implementations (`openInProcessLog`, `connectRabbitMqLog`) pass one conformance suite (`@rabble/event-log/conformance`).
 */
export interface EventLog {
  /** Number of partitions; a room maps to one of them for ever (`partitionOf`). */
  readonly partitions: number

  /**
   * Resolves once the log has the event for good: it survives the crash of any one process from then on.
   * Events of one room that are published one after the other stand in that order. Retries on its own, with the same
   * line, when a confirm is lost: the log may then hold the event twice, so readers keep the first of each id.
   * @throws RabbleError `unavailable` at once if too much waits already (count or bytes), or if the log could not
   * confirm within the time limit. The event may be in the log nevertheless: publish it again with the same id.
   */
  publish(event: LogEvent): Promise<void>

  /**
   * Reads one partition in order. Each step yields all that has arrived since the last one, so a slow reader gets
   * larger steps, and no more is fetched than a bounded window. Reconnects by itself and goes on after the last batch
   * that it yielded: no gap, no repeat. Ends when `signal` aborts or the log is closed.
   */
  read(partition: number, from: LogStart, signal: AbortSignal): AsyncIterable<LogBatch[]>

  /** Tells all readers of signals, this one too, if they are there: typing, presence. May be lost, is never stored. Never throws. */
  signal(signal: Signal): void

  /** Calls `listener` for each signal from now on; returns what stops it. One that throws was given a malformed signal. */
  onSignal(listener: (signal: Signal) => void): () => void

  /** Whether publishing is possible right now; `reason` says why not, and `problem` what else is wrong. For readiness and metrics. */
  status(): LogStatus

  /**
   * Drops the connections and makes them anew, for who knows that something does not arrive although they look fine.
   * Readers go on where they were, and what is unconfirmed is sent again. Absent where there are no connections to fail.
   */
  reconnect?(reason: string): void

  /** Waits (bounded) for what was published to be confirmed, ends readers, closes connections. */
  close(): Promise<void>
}

/**
 * Where reading starts: at the oldest event, after what is there now, after an offset, or at the events of the last `age`
 * milliseconds, and a little before. Their age goes by the clock of the log: the reader's may differ from it.
 */
export type LogStart = 'first' | 'next' | { after: number } | { age: number }

/** Events that were published together. `offset` grows within a partition, not always by one, unless `gap` says that the log starts over. */
export interface LogBatch {
  offset: number
  entries: LogEntry[]
  /**
   * On the first batch after a gap: events may be missing before it, the first of which would have had this offset. If
   * the batch's own offset is less, the log starts over, and what follows may repeat events. See `LogObserver.gap`.
   */
  gap?: { expected: number }
}

/** An event and its line as it stands in the log, without the line feed: what clients get, byte for byte. */
export interface LogEntry {
  event: LogEvent
  line: Buffer
}

export interface LogStatus {
  connected: boolean
  reason?: string
  /** A failure of publishing or reading that does not end without help. Says what somebody has to do. */
  problem?: string
  /** Events that wait to be confirmed. */
  waiting: number
  waitingBytes: number
}

/** What a log tells whoever counts: all optional, called synchronously, must not throw. */
export interface LogObserver {
  /** A batch was confirmed, this many seconds after it was first handed to the log. */
  confirmed?(seconds: number, events: number, bytes: number): void
  /** A batch was sent again because its confirm was lost, refused, or it could not be routed. */
  retried?(events: number): void
  /**
   * Events of a batch that the broker refused and the log has nevertheless: another queue that is bound to the exchange is full
   * and refuses (`x-overflow: reject-publish`).
   */
  contradicted?(events: number): void
  /** Events that were refused or given up with `unavailable`. */
  refused?(events: number, reason: 'full' | 'timeout' | 'closed'): void
  /** The connection that publishes, the one that reads, or that of a work queue came up or went down. */
  connection?(role: 'publish' | 'read' | 'work', up: boolean): void
  /** Lines that are no event, or whole messages that are no batch: skipped. */
  malformed?(partition: number, offset: number): void
  /** Signals that are none, or that a listener could not take: skipped. */
  malformedSignal?(): void
  /**
   * The reader had to go on elsewhere than after the last batch it yielded: retention passed it (`found` is greater), or
   * the log starts over (less; what follows may repeat events).
   */
  gap?(partition: number, expected: number, found: number): void
}

/** The part of pino's logger that a log uses. */
export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Bounds of what may wait, for both implementations. */
export interface PublishLimits {
  /** Events that may wait to be confirmed. */
  maxWaiting: number
  /** Their bytes. */
  maxWaitingBytes: number
  /** Milliseconds after which an unconfirmed publish fails with `unavailable`. */
  publishTimeout: number
}

export const defaultPublishLimits: PublishLimits = {
  maxWaiting: 20_000,
  maxWaitingBytes: 32 * 1024 * 1024,
  publishTimeout: 5_000,
}

/** The partition of a room: FNV-1a over its UTF-16 code units, so that every process and version agrees. */
export function partitionOf(room: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < room.length; i++) hash = Math.imul(hash ^ room.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}

/** A room's name decides about its partition: any name that leads to this one will do. */
export function roomIn(partition: number, partitions: number): string {
  let n = 0
  while (partitionOf(`gateways:${n}`, partitions) !== partition) n++
  return `gateways:${n}`
}
