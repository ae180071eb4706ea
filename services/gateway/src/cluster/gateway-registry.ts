import type { Clock } from '@rabble/clock'
import type { GatewayInfo, GatewaySignal } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'

/** How often (ms) a gateway says how it is, give or take a fifth. */
const interval = 2_000
/** Silence (ms) after which another gateway is taken to be gone, and for how long (ms) it is told of nevertheless. */
const goneAfter = 6_000
const toldFor = 30_000
/** Gateways that are remembered. More there aren't, unless somebody makes them up. */
const maxGateways = 1_000

/** What gateways say of themselves, for people who look: nothing is decided by it. */
export interface GatewayRegistry {
  /** What happened at this gateway: events that the log confirmed, frames fanned out, how late (ms) an event was read. */
  published(): void
  delivered(frames: number): void
  late(lag: number): void
  /** Says how this gateway is, at once. */
  tell(): void
  /** Takes what a gateway says of itself. */
  heard(signal: GatewaySignal): void
  /** All gateways of late, this one too, in the order of their ids. */
  list(): GatewayInfo[]
  /** Says a last word. */
  close(): void
}

export function createGatewayRegistry(options: {
  gateway: string
  log: Pick<EventLog, 'signal'>
  sessions(): number
  state(): GatewaySignal['state']
  /** A signal was sent. */
  told(): void
  clock: Clock
}): GatewayRegistry {
  const { gateway, log, sessions, state, told, clock } = options
  const others = new Map<string, { at: number; info: GatewayInfo }>()
  let since = clock.monotonic()
  let published = 0
  let delivered = 0
  let lags = { sum: 0, count: 0 }
  let figures = { messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0 }
  let timer = clock.setTimeout(next, delay())

  function next(): void {
    timer = clock.setTimeout(next, delay())
    measure()
    tell()
  }

  function measure(): void {
    const at = clock.monotonic()
    // Never nothing, by which it would be divided.
    const seconds = Math.max(1, at - since) / 1000
    figures = {
      messagesPerSecond: round(published / seconds),
      deliveriesPerSecond: round(delivered / seconds),
      // If nothing came, it is what it was.
      lag: lags.count === 0 ? figures.lag : round(lags.sum / lags.count),
    }
    since = at
    published = 0
    delivered = 0
    lags = { sum: 0, count: 0 }
  }

  function own(): GatewaySignal {
    return { type: 'gateway', gateway, sessions: sessions(), ...figures, state: state() }
  }

  function tell(): void {
    log.signal(own())
    told()
  }

  /** Forgets who was silent for long. */
  function sweep(): void {
    const oldest = clock.monotonic() - goneAfter - toldFor
    for (const [id, { at }] of others) if (at < oldest) others.delete(id)
  }

  return {
    published: () => void published++,
    delivered(frames) {
      delivered += frames
    },
    late(lag) {
      lags.sum += Math.max(0, lag)
      lags.count++
    },
    tell,
    heard({ type: _, ...info }) {
      if (info.gateway === gateway) return
      if (!others.has(info.gateway) && others.size >= maxGateways) sweep()
      if (others.has(info.gateway) || others.size < maxGateways) {
        others.set(info.gateway, { at: clock.monotonic(), info })
      }
    },
    list() {
      sweep()
      const limit = clock.monotonic() - goneAfter
      const { type: _, ...here } = own()
      const all: GatewayInfo[] = [here]
      for (const { at, info } of others.values()) {
        all.push(at < limit && info.state !== 'stopped' ? { ...info, state: 'gone' } : info)
      }
      return all.sort((one, other) => (one.gateway < other.gateway ? -1 : 1))
    },
    close() {
      timer.cancel()
      measure()
      tell()
    },
  }
}

function delay(): number {
  return interval * (0.8 + 0.4 * Math.random())
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
