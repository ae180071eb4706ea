import type { Clock } from '@rabble/clock'
import type { ChangeEvent, ChatEvent, LogEvent, PersonalEvent, StartedEvent } from '@rabble/contract'
import { isChatEvent, isPersonalEvent } from '@rabble/contract/parse'
import { type EventLog, type LogBatch, type LogEntry, partitionOf, roomIn } from '@rabble/event-log'
import type { Logger, Tracing } from '@rabble/service'
import type { Metrics } from '../metrics.ts'
import type { RoomBuffers } from '../replay/room-buffers.ts'
import type { Hub } from '../sessions/hub.ts'
import type { DuplicateFilter } from './duplicate-filter.ts'
import type { LogPositions } from './log-positions.ts'
import type { Publisher } from './publisher.ts'
import { traceAttributes } from './trace-attributes.ts'

/** How far back (ms) a gateway reads at its start, to resume the clients of a gateway that died. */
export const lookBack = 60_000
/** Time (ms) after which a mark that has not come back is published again. */
const markAgain = 10_000

/** Follows the log: passes each event once to the room buffers and the sessions, and tells the publisher that it came. */
export interface LogFollower {
  /** Returns why the gateway doesn't know all recent events yet; undefined once it does. */
  unready(): string | undefined
  /** Returns the offset up to which history must have stored a room's partition to know all events that `seen` lacks. */
  unseen(room: string): number
  /** Stops reading. */
  stop(): Promise<void>
}

/**
 * Reads all partitions, from one minute back. The gateway is ready when an event that it published after it began to read has
 * come back through every partition: everything before that event was read, and delivery works end to end.
 */
export function followLog(options: {
  log: EventLog
  gateway: string
  recent: RoomBuffers
  seen: DuplicateFilter
  positions: LogPositions
  publisher: Publisher
  hub: Hub
  /** Called for each change of a message. */
  changed: (change: ChangeEvent) => void
  /** Called for each event that concerns conversations, once it was delivered. */
  conversed: (event: ChatEvent | PersonalEvent, partition: number, offset: number) => void
  /**
   * Called after each read from a partition. `lag` is the age (ms) of the last event; undefined if that event is not for clients,
   * or the gateway has not caught up with the log.
   */
  arrived: (partition: number, lag: number | undefined) => void
  clock: Clock
  metrics: Metrics
  logger: Logger
  tracing?: Tracing | undefined
}): LogFollower {
  const { log, gateway, recent, seen, positions, publisher, hub, changed, conversed, arrived } = options
  const { clock, metrics, logger, tracing } = options
  const abort = new AbortController()
  const behind = new Set(Array.from({ length: log.partitions }, (_, partition) => partition))
  /** For each partition, the offset right before the first batch that was read. */
  const before: number[] = new Array(log.partitions).fill(-1)
  const seenSince = seen.since
  const doubtfulBefore = createHorizon(seen, clock)

  function accept(
    partition: number,
    event: LogEvent,
    line: Buffer,
    offset: number,
    traceparent: string | undefined,
  ): void {
    if (isPersonalEvent(event)) {
      conversed(event, partition, offset)
      return
    }
    if (!isChatEvent(event)) {
      if (event.id === startId(gateway, partition) && behind.delete(partition) && behind.size === 0) {
        logger.info({ rooms: recent.rooms, bytes: recent.bytes }, 'caught up with the log')
      }
      return
    }
    // The acknowledgement comes before the event, so that the sender gets both in one write.
    publisher.arrived(event.id)
    if (!seen.add(event.id)) {
      metrics.repeated.inc()
      return
    }
    const doubtful =
      ('unchecked' in event && event.unchecked === true) || Date.parse(event.at) < doubtfulBefore()
    recent.add(event, line, offset, doubtful)
    if (event.type !== 'message') changed(event)
    const span =
      traceparent !== undefined && hub.reaches(event.room)
        ? tracing?.follow(traceparent, 'deliver', 'consumer', traceAttributes(event, 'process'))
        : undefined
    hub.deliver(event, line)
    // The hub has asked before for the end of this turn, when it writes to the sessions.
    if (span !== undefined) setImmediate(() => span.end())
    conversed(event, partition, offset)
  }

  let told = false

  /** Skips an event that fails, so that it does not hold up the events behind it. */
  function acceptSafely(partition: number, { event, line, traceparent }: LogEntry, offset: number): void {
    try {
      accept(partition, event, line, offset, traceparent)
    } catch (error) {
      metrics.malformed.inc()
      if (told) return
      told = true
      logger.error(
        { err: error, partition },
        'an event of the log failed and is skipped; others will only be counted',
      )
    }
  }

  async function follow(partition: number): Promise<void> {
    let first = true
    for await (const batches of log.read(partition, { age: lookBack }, abort.signal)) {
      for (const { offset, entries, gap } of batches) {
        // Events before and after a gap are not consecutive. History may have the missing ones.
        if (first || gap !== undefined) {
          recent.begin(partition, offset - 1)
          before[partition] = offset - 1
        }
        first = false
        for (const entry of entries) acceptSafely(partition, entry, offset)
        positions.reached(partition, offset)
      }
      observe(partition, batches)
    }
  }

  function observe(partition: number, batches: readonly LogBatch[]): void {
    const last = batches.at(-1)?.entries.at(-1)?.event
    const lag = last !== undefined && isChatEvent(last) ? clock.now() - Date.parse(last.at) : undefined
    if (lag !== undefined) metrics.observeLag(lag)
    arrived(partition, behind.size === 0 ? lag : undefined)
  }

  /**
   * Publishes the mark that shows when reading has caught up, and repeats it until it comes back. A mark that was stored before
   * the reader attached may be skipped if the clocks of the log's servers differ.
   */
  async function mark(partition: number): Promise<void> {
    const event = startedEvent(gateway, partition, log.partitions, clock.now())
    while (behind.has(partition) && !abort.signal.aborted) {
      try {
        await log.publish(event)
        await clock.sleep(markAgain, { signal: abort.signal, ref: false })
      } catch {
        // The log reports its own errors. A second copy of the mark is harmless.
        await clock.sleep(500 + Math.random() * 500, { signal: abort.signal })
      }
    }
  }

  const work = [...behind].flatMap((partition) => [
    follow(partition).catch((error: unknown) => {
      // Reading retries on its own, so this is a bug: no gateway is better than one that seems to work and reads nothing.
      if (!abort.signal.aborted) throw error
    }),
    mark(partition),
  ])

  return {
    unseen(room) {
      if (seen.since !== seenSince) return positions.of(room)
      return before[partitionOf(room, log.partitions)] ?? -1
    },
    unready: () => (behind.size === 0 ? undefined : 'reading the last minute of the log'),
    async stop() {
      abort.abort()
      await Promise.all(work)
    },
  }
}

/**
 * Returns a function that tells a horizon (ms since 1970). An event from before it that is not in `seen` is doubtful: it may be
 * an old one that was written again after `seen` dropped it, unless the clock of its gateway is wrong.
 */
function createHorizon(seen: Pick<DuplicateFilter, 'since'>, clock: Clock): () => number {
  let since = Number.NaN
  let horizon = 0
  return () => {
    if (seen.since !== since) {
      since = seen.since
      horizon = clock.now() - (clock.monotonic() - since)
    }
    return horizon
  }
}

function startId(gateway: string, partition: number): string {
  return `${gateway}:${partition}`
}

function startedEvent(gateway: string, partition: number, partitions: number, now: number): StartedEvent {
  return {
    type: 'started',
    room: roomIn(partition, partitions),
    id: startId(gateway, partition),
    via: gateway,
    at: new Date(now).toISOString(),
  }
}
