import type { Clock } from '@rabble/clock'
import type { ChangeEvent, LogEvent, StartedEvent } from '@rabble/contract'
import { isChatEvent } from '@rabble/contract/parse'
import { type EventLog, type LogBatch, type LogEntry, partitionOf, roomIn } from '@rabble/event-log'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'
import type { RoomBuffers } from '../replay/room-buffers.ts'
import type { Hub } from '../sessions/hub.ts'
import type { DuplicateFilter } from './duplicate-filter.ts'
import type { LogPositions } from './log-positions.ts'
import type { Publisher } from './publisher.ts'

/** How far back (ms) a gateway reads when it starts, so that it can resume the clients of one that died. */
export const lookBack = 60_000
/** Milliseconds after which a mark that has not come back is published again. */
const markAgain = 10_000

/** Follows the log: every event once, to the recent ones, to the sessions, and to whoever waits for it. */
export interface LogFollower {
  /** Why the gateway doesn't know all recent events yet, or undefined once it does. */
  unready(): string | undefined
  /** Offset of a room's partition up to which history must have stored it, so that it knows all events that `seen` lacks. */
  unseen(room: string): number
  /** Stops reading. */
  stop(): Promise<void>
}

/**
 * Reads all partitions from the last minute on. Ready means: an event that this gateway itself published after it began
 * to read has come back through every partition, so everything before it was read, and delivery works end to end.
 */
export function followLog(options: {
  log: EventLog
  gateway: string
  recent: RoomBuffers
  seen: DuplicateFilter
  positions: LogPositions
  publisher: Publisher
  hub: Hub
  /** A message was changed. */
  changed: (change: ChangeEvent) => void
  /**
   * Something came from a partition. `lag` is the age (ms) of its last event, if that is for clients and the gateway has caught up
   * with the log.
   */
  arrived: (partition: number, lag: number | undefined) => void
  clock: Clock
  metrics: Metrics
  logger: Logger
}): LogFollower {
  const { log, gateway, recent, seen, positions, publisher, hub, changed, arrived } = options
  const { clock, metrics, logger } = options
  const abort = new AbortController()
  const behind = new Set(Array.from({ length: log.partitions }, (_, partition) => partition))
  /** The offset right before the first batch of each partition that was read. */
  const before: number[] = new Array(log.partitions).fill(-1)
  const seenSince = seen.since
  const doubtfulBefore = createHorizon(seen, clock)

  function accept(partition: number, event: LogEvent, line: Buffer, offset: number): void {
    if (!isChatEvent(event)) {
      if (event.id === startId(gateway, partition) && behind.delete(partition) && behind.size === 0) {
        logger.info({ rooms: recent.rooms, bytes: recent.bytes }, 'caught up with the log')
      }
      return
    }
    // The sender may know before anybody sees the event, so that both leave in one write.
    publisher.arrived(event.id)
    if (!seen.add(event.id)) {
      metrics.repeated.inc()
      return
    }
    const doubtful =
      ('unchecked' in event && event.unchecked === true) || Date.parse(event.at) < doubtfulBefore()
    recent.add(event, line, offset, doubtful)
    if (event.type !== 'message') changed(event)
    hub.deliver(event, line)
  }

  let told = false

  /** No event may keep those behind it from everybody. */
  function acceptSafely(partition: number, { event, line }: LogEntry, offset: number): void {
    try {
      accept(partition, event, line, offset)
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
        // What is remembered from before a gap does not lead up to what comes now. History may have what is missing.
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
   * Publishes the mark that shows when reading has caught up, again and again until it comes back: one that was stored
   * before the reader attached may be passed over, if the clocks of the log's servers differ.
   */
  async function mark(partition: number): Promise<void> {
    const event = startedEvent(gateway, partition, log.partitions, clock.now())
    while (behind.has(partition) && !abort.signal.aborted) {
      try {
        await log.publish(event)
        await clock.sleep(markAgain, { signal: abort.signal, ref: false })
      } catch {
        // The log says itself what is wrong with it; the same line again is harmless.
        await clock.sleep(500 + Math.random() * 500, { signal: abort.signal })
      }
    }
  }

  const work = [...behind].flatMap((partition) => [
    follow(partition).catch((error: unknown) => {
      // Reading retries by itself, so this is a bug: better no gateway than one that looks alive and reads nothing.
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
 * Returns what tells the time (milliseconds since 1970) before which an event can't have been taken if it is read for the first
 * time now, but by a clock that is wrong: if somebody wrote it again, `seen` may know it no more.
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
