import type { LogEvent, Signal } from '@rabble/contract'

/**
 * Log of chat events. All readers see one order per room, confirmed events are never lost, and reading can start at a position.
 * Two implementations (`openInProcessLog`, `connectRabbitMqLog`) pass one conformance suite (`@rabble/event-log/conformance`).
 */
export interface EventLog {
  /** Number of partitions. A room always maps to the same one (`partitionOf`). */
  readonly partitions: number

  /**
   * Publishes an event. Resolves once the event is durable: it survives the crash of any one process. Events of one room that are
   * published one after the other keep that order. If a confirm is lost, the log retries with the same line: it may then hold the
   * event twice, so readers keep the first of each id.
   * @throws RabbleError `unavailable` at once if too much waits already (count or bytes), or if the log could not confirm within
   * the time limit. The event may be in the log nevertheless: publish it again with the same id.
   * @param traceparent span of which the readers' work with the event becomes a part, if the event is traced. Not every reader gets
   * it: it may be lost, and it is no part of the line.
   */
  publish(event: LogEvent, traceparent?: string): Promise<void>

  /**
   * Reads one partition in order. Each step yields all that has arrived since the last one, so a slow reader gets larger steps.
   * The log fetches no more than a bounded window. It reconnects automatically and continues after the last batch that it
   * yielded: no gap, no repeat. Ends when `signal` aborts or the log is closed.
   */
  read(
    partition: number,
    from: LogStart,
    signal: AbortSignal,
    options?: ReadOptions,
  ): AsyncIterable<LogBatch[]>

  /**
   * Sends a signal, such as typing or presence, to all connected listeners, also those of this process. Signals may be lost and
   * are never stored. Never throws.
   */
  signal(signal: Signal): void

  /**
   * Calls `listener` for each signal from now on. Returns a function that removes it. A listener that throws counts as a
   * malformed signal.
   */
  onSignal(listener: (signal: Signal) => void): () => void

  /**
   * Returns whether publishing is possible now; `reason` says why not, and `problem` what else is wrong. For readiness and
   * metrics.
   */
  status(): LogStatus

  /**
   * Replaces the connections. For callers that know that messages do not arrive although the connections look fine. Readers
   * continue at their positions, and unconfirmed events are sent again. Absent in a log without connections.
   */
  reconnect?(reason: string): void

  /** Waits (bounded) for the confirms of published events, ends readers, closes connections. */
  close(): Promise<void>
}

/**
 * Start of reading: at the oldest event, after the newest one, after an offset, or at the events of the last `age` milliseconds
 * and some older ones. The clock of the log measures their age; the reader's clock may differ.
 */
export type LogStart = 'first' | 'next' | { after: number } | { age: number }

export interface ReadOptions {
  /**
   * Returns a time (ms) for which the log collects what arrives before it yields the next step, so that the step is larger. The
   * wait ends early once there is enough for a whole step. Called after each step. Default: 0.
   */
  collect?: () => number
}

/**
 * Events that were published together. `offset` grows within a partition, not always by one. It is smaller only if `gap` says
 * that the log starts over.
 */
export interface LogBatch {
  offset: number
  entries: LogEntry[]
  /**
   * Set on the first batch after a gap. Events may be missing before it; the first of them would have had the offset `expected`.
   * If the batch's own offset is smaller, the log starts over, and events may repeat. See `LogObserver.gap`.
   */
  gap?: { expected: number }
}

/** Event and its line in the log, without the line feed: clients get it byte for byte. */
export interface LogEntry {
  event: LogEvent
  line: Buffer
  /** See `EventLog.publish`. Absent if the event is not traced. */
  traceparent?: string
}

export interface LogStatus {
  connected: boolean
  reason?: string
  /** Failure of publishing or reading that needs an operator. Says what to do. */
  problem?: string
  /** Number of events that wait to be confirmed. */
  waiting: number
  waitingBytes: number
}

/** Callbacks of a log for metrics. All are optional, are called synchronously and must not throw. */
export interface LogObserver {
  /** Reports a confirmed batch, and the seconds since it was first handed to the log. */
  confirmed?(seconds: number, events: number, bytes: number): void
  /** Reports a batch that was sent again because its confirm was lost, refused, or it could not be routed. */
  retried?(events: number): void
  /**
   * Reports events of a batch that the broker refused although the log has it: another queue that is bound to the exchange is
   * full and refuses (`x-overflow: reject-publish`).
   */
  contradicted?(events: number): void
  /** Reports events that failed with `unavailable`. */
  refused?(events: number, reason: 'full' | 'timeout' | 'closed'): void
  /** Reports that a connection came up or went down: the one that publishes, the one that reads, or that of a work queue. */
  connection?(role: 'publish' | 'read' | 'work', up: boolean): void
  /** Reports a skipped line that is not an event, or a whole message that is not a batch. */
  malformed?(partition: number, offset: number): void
  /** Reports a skipped signal that is malformed, or for which a listener threw. */
  malformedSignal?(): void
  /**
   * Reports that the reader could not continue after the last batch that it yielded: retention deleted the next ones (`found` is
   * greater), or the log starts over (`found` is less; events may repeat).
   */
  gap?(partition: number, expected: number, found: number): void
}

/** Part of pino's logger that a log uses. */
export interface Logger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Limits of the events that wait to be confirmed, for both implementations. */
export interface PublishLimits {
  /** Maximum number of events that wait to be confirmed. */
  maxWaiting: number
  /** Maximum of their bytes. */
  maxWaitingBytes: number
  /** Time (ms) after which an unconfirmed publish fails with `unavailable`. */
  publishTimeout: number
}

export const defaultPublishLimits: PublishLimits = {
  maxWaiting: 20_000,
  maxWaitingBytes: 32 * 1024 * 1024,
  publishTimeout: 5_000,
}

/** Returns the partition of a room: FNV-1a over its UTF-16 code units, so that every process and version agrees. */
export function partitionOf(room: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < room.length; i++) hash = Math.imul(hash ^ room.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}

/** Returns the name of a room in this partition. Any such name will do. */
export function roomIn(partition: number, partitions: number): string {
  let n = 0
  while (partitionOf(`gateways:${n}`, partitions) !== partition) n++
  return `gateways:${n}`
}
