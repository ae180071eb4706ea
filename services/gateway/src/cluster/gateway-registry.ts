import type { Clock, Timer } from '@rabble/clock'
import type { GatewayInfo, GatewaySignal } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import type { Traffic } from './traffic.ts'

/** Time (ms) between two reports of a gateway, ±20%, and until its first report has come back. */
const interval = 2_000
const firstInterval = 250
/** Maximum time (ms) until a gateway reports itself to one that is new, so that these know each other at once. */
const answerWithin = 100
/** Silence (ms) after which another gateway counts as gone, and the time (ms) for which it is listed as gone. */
const goneAfter = 6_000
const listedFor = 30_000
/** Maximum number of gateways in memory. Only forged signals could name more. */
const maxGateways = 1_000
/** Time (ms) for which a gateway that has never reported is waited for, and how many may be waited for at the same time. */
const reportTimeout = 1_000
const maxWaiting = 1_000

/** Collects what the gateways report about themselves, for display, and to pass requests on to them. */
export interface GatewayRegistry {
  /** Reports the state of this gateway now. */
  report(): void
  /** Takes the report of a gateway. */
  heard(signal: GatewaySignal): void
  /** Returns all gateways that reported lately, with this one, ordered by id. */
  list(): GatewayInfo[]
  /**
   * Resolves with where other gateways reach a gateway that reported lately and has not stopped. One that has never reported is
   * waited for: it may be as new as this one.
   */
  url(gateway: string): Promise<string | undefined>
  /**
   * Returns the public WebSocket of the ready gateway with the fewest sessions, or undefined if none has one. `not` is one that the
   * caller left or could not reach: it is returned only if there is no other.
   */
  publicUrl(not?: string): string | undefined
  /** Returns why clients should use another gateway, or undefined. */
  unready(): string | undefined
  /** Sends the last report. */
  close(): void
}

/** Another gateway, as it reported itself. */
interface Other extends Pick<GatewaySignal, 'url' | 'publicUrl'> {
  /** Time of the report, by the monotonic clock. */
  at: number
  info: GatewayInfo
}

export function createGatewayRegistry(options: {
  gateway: string
  log: Pick<EventLog, 'signal'>
  traffic: Pick<Traffic, 'take'>
  /** Returns where other gateways reach this one. */
  url(): string | undefined
  /** Public WebSocket of this one, if it has one. */
  publicUrl?: string | undefined
  /** Returns the number of sessions. */
  sessions(): number
  state(): GatewaySignal['state']
  /** Called after each report of this gateway. */
  reported(): void
  clock: Clock
}): GatewayRegistry {
  const { gateway, log, traffic, sessions, state, reported, clock } = options
  const others = new Map<string, Other>()
  /** Number of clients that were sent to each gateway since its last report, which does not count them yet. */
  const sent = new Map<string, number>()
  let since = clock.monotonic()
  let figures = { messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0 }
  /** Whether a report of this gateway has come back, so that the others have it too. */
  let introduced = false
  let timer = clock.setTimeout(next, delay())
  let answer: Timer | undefined
  /** Called with the id of each gateway that reports for the first time. */
  const waiting = new Set<(gateway: string) => void>()

  function next(): void {
    timer = clock.setTimeout(next, delay())
    measure()
    report()
  }

  function delay(): number {
    return (introduced ? interval : firstInterval) * (0.8 + 0.4 * Math.random())
  }

  function measure(): void {
    const at = clock.monotonic()
    // At least a millisecond, since it is a divisor.
    const seconds = Math.max(1, at - since) / 1000
    const { published, delivered, lag } = traffic.take()
    figures = {
      messagesPerSecond: round(published / seconds),
      deliveriesPerSecond: round(delivered / seconds),
      // Without events, the lag stays the same.
      lag: lag === undefined ? figures.lag : round(lag),
    }
    since = at
  }

  function own(): GatewayInfo {
    return { gateway, sessions: sessions(), ...figures, state: state() }
  }

  function report(): void {
    answer?.cancel()
    answer = undefined
    const url = options.url()
    const { publicUrl } = options
    const addresses = { ...(url !== undefined && { url }), ...(publicUrl !== undefined && { publicUrl }) }
    log.signal({ type: 'gateway', ...own(), ...addresses })
    reported()
  }

  /** Resolves when a gateway has reported for the first time, or when it has not in time. */
  function firstReport(id: string): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        timeout.cancel()
        waiting.delete(heard)
        resolve()
      }
      const heard = (gateway: string) => gateway === id && over()
      const timeout = clock.setTimeout(over, reportTimeout)
      waiting.add(heard)
    })
  }

  /** Forgets gateways that were silent for long. */
  function sweep(): void {
    const oldest = clock.monotonic() - goneAfter - listedFor
    for (const [id, { at }] of others) if (at < oldest) others.delete(id)
    for (const id of sent.keys()) if (id !== gateway && !others.has(id)) sent.delete(id)
  }

  return {
    report,
    heard({ type: _, url, publicUrl, ...info }) {
      sent.delete(info.gateway)
      if (info.gateway === gateway) {
        introduced = true
        return
      }
      const isNew = !others.has(info.gateway)
      if (isNew) answer ??= clock.setTimeout(report, answerWithin * Math.random())
      if (isNew && others.size >= maxGateways) sweep()
      if (isNew && others.size >= maxGateways) return
      others.set(info.gateway, { at: clock.monotonic(), info, url, publicUrl })
      if (isNew) for (const heard of waiting) heard(info.gateway)
    },
    list() {
      sweep()
      const limit = clock.monotonic() - goneAfter
      const all: GatewayInfo[] = [own()]
      for (const { at, info } of others.values()) {
        all.push(at < limit && info.state !== 'stopped' ? { ...info, state: 'gone' } : info)
      }
      return all.sort((one, other) => (one.gateway < other.gateway ? -1 : 1))
    },
    async url(id) {
      // One without an address of its own is alone.
      const mayReport = options.url() !== undefined && waiting.size < maxWaiting
      if (!others.has(id) && mayReport) await firstReport(id)
      const known = others.get(id)
      const isGone = known === undefined || known.at < clock.monotonic() - goneAfter
      return isGone || known.info.state === 'stopped' ? undefined : known.url
    },
    publicUrl(not) {
      const now = clock.monotonic()
      const here: Other = { at: now, info: own(), url: undefined, publicUrl: options.publicUrl }
      let best: { info: GatewayInfo; publicUrl: string; load: number } | undefined
      for (const { at, info, publicUrl } of [here, ...others.values()]) {
        if (publicUrl === undefined || info.state !== 'ready' || at < now - goneAfter) continue
        const load = publicUrl === not ? Number.MAX_VALUE : info.sessions + (sent.get(info.gateway) ?? 0)
        if (best === undefined || load < best.load) best = { info, publicUrl, load }
      }
      if (best === undefined) return undefined
      const { gateway } = best.info
      sent.set(gateway, (sent.get(gateway) ?? 0) + 1)
      return best.publicUrl
    },
    unready: () =>
      introduced || options.url() === undefined ? undefined : 'the other gateways do not know it yet',
    close() {
      timer.cancel()
      measure()
      report()
    },
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
