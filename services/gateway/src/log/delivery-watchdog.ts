import type { Clock } from '@rabble/clock'
import type { MarkEvent } from '@rabble/contract'
import { type EventLog, roomIn } from '@rabble/event-log'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/** Milliseconds. */
export interface DeliveryTimes {
  /** Between two looks. */
  look: number
  /** Silence of a partition after which a mark is written, give or take a fifth: so usually one gateway writes for all. */
  quiet: number
  /** How long what must come may be on its way; then the connections are made anew, and each time this passes again. */
  patience: number
}

export const defaultDeliveryTimes: DeliveryTimes = { look: 500, quiet: 5_000, patience: 10_000 }

/**
 * Whether what others write arrives here. Connections may all look fine and bring nothing, after a failover of the broker
 * for one: only something that must come, and doesn't, shows it. So the gateway waits for its own signals to come back, and
 * writes a mark into each partition that was silent for a while. What the log doesn't take is not waited for: that it is
 * down it says itself.
 */
export interface Delivery {
  /** A batch came from the partition. */
  read(partition: number): void
  /** A signal of this gateway's own was sent, or came back. */
  signalled(): void
  heard(): void
  /** Why clients should go elsewhere, or undefined. */
  unready(): string | undefined
  close(): void
}

/** Something that arrives, or doesn't. Counted in looks: a process that was frozen hasn't waited meanwhile. */
interface Way {
  label: 'signals' | 'log'
  /** What is wrong if nothing arrives. */
  problem: string
  arrivals: number
  /** For how many looks something is on its way; undefined if nothing is. */
  awaited: number | undefined
  deaf: boolean
}

interface Partition extends Way {
  number: number
  /** For how many looks it was silent, and how many are enough. */
  silent: number
  enough: number
}

/** For a log that could not fail like that there is nothing to do. */
const unfailing: Delivery = {
  read() {},
  signalled() {},
  heard() {},
  unready: () => undefined,
  close() {},
}

export function watchDelivery(options: {
  log: Pick<EventLog, 'partitions' | 'publish' | 'reconnect' | 'status'>
  gateway: string
  times: DeliveryTimes
  clock: Clock
  metrics: Pick<Metrics, 'deaf'>
  logger: Logger
}): Delivery {
  const { log, gateway, times, clock, metrics, logger } = options
  if (log.reconnect === undefined) return unfailing
  const signals: Way = {
    label: 'signals',
    problem: 'its own signals do not come back',
    arrivals: 0,
    awaited: undefined,
    deaf: false,
  }
  const partitions = Array.from({ length: log.partitions }, (_, number): Partition => {
    const problem = `nothing comes from partition ${number} of the log, which takes events`
    return { ...signals, label: 'log', problem, number, silent: 0, enough: enoughLooks() }
  })
  const ways = [signals, ...partitions]
  const looking = clock.setInterval(look, times.look)
  let marks = 0

  function enoughLooks(): number {
    return (times.quiet / times.look) * (0.8 + 0.4 * Math.random())
  }

  function look(): void {
    const { connected } = log.status()
    for (const way of ways) {
      if (way.awaited === undefined) continue
      if (connected) wait(way, way.awaited + 1)
      else if (!way.deaf) way.awaited = 0
    }
    for (const partition of partitions) {
      if (++partition.silent < partition.enough || !connected || partition.awaited !== undefined) continue
      settle(partition)
      void mark(partition)
    }
  }

  function wait(way: Way, looks: number): void {
    way.awaited = looks
    if (looks * times.look < times.patience) return
    way.awaited = 0
    metrics.deaf.inc({ way: way.label })
    if (!way.deaf) logger.warn({ way: way.label }, `${way.problem}: connecting anew until that is mended`)
    way.deaf = true
    log.reconnect?.(way.problem)
  }

  function settle(partition: Partition): void {
    partition.silent = 0
    partition.enough = enoughLooks()
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
    // It may have been faster than its confirm.
    if (confirmed && partition.arrivals === arrivals) partition.awaited = 0
  }

  function arrived(way: Way): void {
    way.arrivals++
    way.awaited = undefined
    if (!way.deaf) return
    way.deaf = false
    logger.info({ way: way.label }, 'it arrives again')
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
    unready: () => ways.find(({ deaf }) => deaf)?.problem,
    close: () => looking.cancel(),
  }
}
