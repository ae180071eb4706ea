import type { Clock } from '@rabble/clock'
import type { ChangeEvent, LogEvent, StartedEvent } from '@rabble/contract'
import { isChatEvent } from '@rabble/contract/parse'
import { type EventLog, type LogBatch, type LogEntry, partitionOf } from '@rabble/event-log'
import type { Logger } from '@rabble/service'
import { roomIn } from './delivery.ts'
import type { Hub } from './hub.ts'
import type { Metrics } from './metrics.ts'
import type { Publisher } from './publisher.ts'
import type { Recent } from './recent.ts'
import type { Seen } from './seen.ts'

/** How far back (ms) a gateway reads when it starts, so that it can resume the clients of one that died. */
const lookBack = 60_000

/** Follows the log: every event once, to the recent ones, to the sessions, and to whoever waits for it. */
export interface Follower {
  /** Why the gateway doesn't know all recent events yet, or undefined once it does. */
  unready(): string | undefined
  /** The offset of the last batch of a room's partition that was handed on; -1 before the first. */
  position(room: string): number
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
  recent: Recent
  seen: Seen
  publisher: Publisher
  hub: Hub
  /** A message was changed. */
  changed: (change: ChangeEvent) => void
  /** Something came from a partition; `lag` is the age (ms) of its last event, if that is for clients. */
  arrived: (partition: number, lag: number | undefined) => void
  clock: Clock
  metrics: Metrics
  logger: Logger
}): Follower {
  const { log, gateway, recent, seen, publisher, hub, changed, arrived, clock, metrics, logger } = options
  const abort = new AbortController()
  const since = clock.now() - lookBack
  const behind = new Set(Array.from({ length: log.partitions }, (_, partition) => partition))
  const positions: number[] = new Array(log.partitions).fill(-1)
  /** The partitions of which everything was read that ever was in them. */
  const whole = new Set<number>()

  function accept(partition: number, event: LogEvent, line: Buffer): void {
    if (!isChatEvent(event)) {
      if (event.id === startId(gateway, partition) && behind.delete(partition) && behind.size === 0) {
        if (whole.size === log.partitions) recent.sawBeginning()
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
    recent.add(event, line)
    if (event.type !== 'message') changed(event)
    hub.deliver(event, line)
  }

  let told = false

  /** No event may keep those behind it from everybody. */
  function acceptSafely(partition: number, { event, line }: LogEntry): void {
    try {
      accept(partition, event, line)
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
    for await (const batches of log.read(partition, { since }, abort.signal)) {
      if (first && batches[0]?.offset === 0) whole.add(partition)
      first = false
      for (const { offset, entries, gap } of batches) {
        if (gap !== undefined) {
          // What is remembered from before does not lead up to what comes now. History may have what is missing.
          whole.delete(partition)
          recent.forget((room) => partitionOf(room, log.partitions) === partition)
        }
        for (const entry of entries) acceptSafely(partition, entry)
        positions[partition] = offset
      }
      observe(partition, batches)
    }
  }

  function observe(partition: number, batches: readonly LogBatch[]): void {
    const last = batches.at(-1)?.entries.at(-1)?.event
    const lag = last !== undefined && isChatEvent(last) ? clock.now() - Date.parse(last.at) : undefined
    if (lag !== undefined) metrics.observeLag(lag)
    arrived(partition, lag)
  }

  /** Publishes the mark that shows when reading has caught up. */
  async function mark(partition: number): Promise<void> {
    const event = startedEvent(gateway, partition, log.partitions, clock.now())
    while (!abort.signal.aborted) {
      try {
        return await log.publish(event)
      } catch {
        // The log says itself what is wrong with it; the same line again is harmless.
        await clock.sleep(500 + Math.random() * 500, { signal: abort.signal })
      }
    }
  }

  const work = [...behind].flatMap((partition) => [
    follow(partition).catch((error: unknown) => {
      // Reading retries by itself, so this is a bug: better no gateway than one that looks alive and is deaf.
      if (!abort.signal.aborted) throw error
    }),
    mark(partition),
  ])

  return {
    position: (room) => positions[partitionOf(room, log.partitions)] ?? -1,
    unready: () => (behind.size === 0 ? undefined : 'reading the last minute of the log'),
    async stop() {
      abort.abort()
      await Promise.all(work)
    },
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
