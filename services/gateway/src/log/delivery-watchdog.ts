import type { Clock } from '@rabble/clock'
import type { MarkEvent } from '@rabble/contract'
import { type EventLog, roomIn } from '@rabble/event-log'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/** Milliseconds. */
export interface DeliveryTimes {
  /** Time between two checks. */
  interval: number
  /** Silence of a partition after which a mark is written, ±20%, so that usually one gateway writes it for all. */
  quiet: number
  /** Time in which an awaited event must arrive. After that, the gateway reconnects and waits for the same time again. */
  timeout: number
}

export const defaultDeliveryTimes: DeliveryTimes = { interval: 500, quiet: 5_000, timeout: 10_000 }

/**
 * Detects a log that has stopped delivering. All connections may look fine and deliver nothing, for example after a failover of
 * the broker. Only a missing event shows it. So the gateway waits for its own signals to come back, and writes a mark into each
 * partition that was silent for a while. It does not wait for events that the log did not take: a log that is down reports
 * errors.
 */
export interface DeliveryWatchdog {
  /** Notes that a batch was read from a partition. */
  read(partition: number): void
  /** Notes that a signal of this gateway was sent. */
  signalled(): void
  /** Notes that a signal of this gateway came back. */
  heard(): void
  /** Returns why clients should use another gateway, or undefined. */
  unready(): string | undefined
  close(): void
}

/** A path on which events arrive. Time is counted in checks, so that a process does not count the time in which it was frozen. */
interface Probe {
  label: 'signals' | 'log'
  /** Description of the fault if nothing arrives. */
  problem: string
  arrivals: number
  /** Number of checks for which an event has been awaited; undefined if none is. */
  awaited: number | undefined
  /** Whether the awaited event did not arrive in time. */
  stalled: boolean
}

interface Partition extends Probe {
  number: number
  /** Number of checks without a batch. */
  silent: number
  /** Value of `silent` at which a mark is written. */
  enough: number
}

/** Watchdog of a log that cannot stall. */
const unfailing: DeliveryWatchdog = {
  read() {},
  signalled() {},
  heard() {},
  unready: () => undefined,
  close() {},
}

export function startDeliveryWatchdog(options: {
  log: Pick<EventLog, 'partitions' | 'publish' | 'reconnect' | 'status'>
  gateway: string
  times: DeliveryTimes
  clock: Clock
  metrics: Pick<Metrics, 'stalled'>
  logger: Logger
}): DeliveryWatchdog {
  const { log, gateway, times, clock, metrics, logger } = options
  if (log.reconnect === undefined) return unfailing
  const signals: Probe = {
    label: 'signals',
    problem: 'its own signals do not come back',
    arrivals: 0,
    awaited: undefined,
    stalled: false,
  }
  const partitions = Array.from({ length: log.partitions }, (_, number): Partition => {
    const problem = `nothing comes from partition ${number} of the log, which takes events`
    return { ...signals, label: 'log', problem, number, silent: 0, enough: checksUntilMark() }
  })
  const probes = [signals, ...partitions]
  const timer = clock.setInterval(check, times.interval)
  let marks = 0

  function checksUntilMark(): number {
    return (times.quiet / times.interval) * (0.8 + 0.4 * Math.random())
  }

  function check(): void {
    const { connected } = log.status()
    for (const probe of probes) {
      if (probe.awaited === undefined) continue
      if (connected) wait(probe, probe.awaited + 1)
      else if (!probe.stalled) probe.awaited = 0
    }
    for (const partition of partitions) {
      if (++partition.silent < partition.enough || !connected || partition.awaited !== undefined) continue
      settle(partition)
      void mark(partition)
    }
  }

  function wait(probe: Probe, checks: number): void {
    probe.awaited = checks
    if (checks * times.interval < times.timeout) return
    probe.awaited = 0
    metrics.stalled.inc({ way: probe.label })
    if (!probe.stalled) logger.warn({ way: probe.label }, `${probe.problem}: reconnecting until that is over`)
    probe.stalled = true
    log.reconnect?.(probe.problem)
  }

  function settle(partition: Partition): void {
    partition.silent = 0
    partition.enough = checksUntilMark()
  }

  async function mark(partition: Partition): Promise<void> {
    const { arrivals, number } = partition
    const event: MarkEvent = {
      type: 'mark',
      room: roomIn(number, log.partitions),
      id: `${gateway}:${number}:${++marks}`,
      via: gateway,
      at: new Date(clock.now()).toISOString(),
    }
    const confirmed = await log.publish(event).then(
      () => true,
      () => false,
    )
    // The mark may have arrived before its confirm.
    if (confirmed && partition.arrivals === arrivals) partition.awaited = 0
  }

  function arrived(probe: Probe): void {
    probe.arrivals++
    probe.awaited = undefined
    if (!probe.stalled) return
    probe.stalled = false
    logger.info({ way: probe.label }, 'events arrive again')
  }

  return {
    read(number) {
      const partition = partitions[number]
      if (partition === undefined) return
      settle(partition)
      arrived(partition)
    },
    signalled() {
      if (log.status().connected) signals.awaited ??= 0
    },
    heard: () => arrived(signals),
    unready: () => probes.find(({ stalled }) => stalled)?.problem,
    close: () => timer.cancel(),
  }
}
