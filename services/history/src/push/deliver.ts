import type { Clock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { Logger } from '@rabble/event-log'
import type { HistoryMetrics } from '../metrics.ts'
import type { DuePush } from './due.ts'
import { serviceOf } from './endpoint.ts'
import { PushFailure, postPush } from './post.ts'
import type { Push } from './push.ts'
import type { Answers } from './subscriptions.ts'

const defaultBackoff = { first: 1_000, longest: 8_000 }
/** Maximum number of attempts for a push. */
const maxAttempts = 4
/** Longest pause (ms) for which a push service is obeyed. */
const longestPause = 15_000
/** Number of requests to a push service at a time. So many failures in a row end an attempt for all that wait. */
const parallel = 8

export interface DeliveryOptions {
  clock: Clock
  logger: Logger
  metrics: Pick<HistoryMetrics, 'pushes' | 'pushFailures' | 'pushesGivenUp' | 'pushesPending'>
  signal: AbortSignal
}

/** Sends pushes to push services, each of which may be down while the others work. */
export interface Delivery {
  /** Sends pushes. Resolves when each is accepted or given up. Never rejects. */
  send(due: readonly DuePush[]): Promise<Answers>
}

/**
 * Creates a delivery. A push has four attempts within half a minute or so. A service that has accepted nothing has one attempt for
 * what comes next, until it accepts something again: the pushes of others wait for it, and each is worth less every minute.
 */
export function createDelivery(push: Push, options: DeliveryOptions): Delivery {
  const { clock, logger, metrics, signal } = options
  /** Services that have accepted nothing last time. */
  const failing = new Set<string>()

  async function sendTo(service: string, due: readonly DuePush[], answers: Answers): Promise<void> {
    const attempts = failing.has(service) ? 1 : maxAttempts
    const accepted: string[] = []
    const refused: string[] = []
    let last: PushFailure | undefined
    let waiting = due
    metrics.pushesPending.inc(due.length)
    try {
      for (let attempt = 1; ; attempt++) {
        const round = await attemptAll(waiting)
        accepted.push(...round.accepted)
        refused.push(...round.refused)
        answers.gone.push(...round.gone)
        last = round.failure ?? last
        metrics.pushesPending.dec(waiting.length - round.left.length)
        waiting = round.left
        if (waiting.length === 0 || attempt >= attempts || signal.aborted) break
        const delay = backoffDelay(push.backoff ?? defaultBackoff, attempt)
        await clock.sleep(Math.max(delay, Math.min(round.retryAfter, longestPause)), { signal })
      }
    } finally {
      metrics.pushesPending.dec(waiting.length)
    }
    if (signal.aborted) return
    metrics.pushesGivenUp.inc(waiting.length + refused.length)
    answers.accepted.push(...accepted)
    if (accepted.length > 0) {
      // While a service refuses everything, the reason is not in a single subscription.
      answers.refused.push(...refused)
      if (failing.delete(service)) logger.info({ service }, 'the push service accepts pushes again')
    } else if (last !== undefined && !failing.has(service)) {
      failing.add(service)
      logger.error({ service, reason: last.message }, 'a push service does not accept pushes')
    }
  }

  interface Round {
    accepted: string[]
    gone: string[]
    refused: string[]
    /** Those for which another attempt may help, or for which there was none. */
    left: DuePush[]
    failure: PushFailure | undefined
    /** Longest pause (ms) that was asked for. */
    retryAfter: number
  }

  async function attemptAll(due: readonly DuePush[]): Promise<Round> {
    const round: Round = { accepted: [], gone: [], refused: [], left: [], failure: undefined, retryAfter: 0 }
    const next = due.values()
    let failuresInARow = 0
    const work = async () => {
      for (const one of next) {
        if (signal.aborted || failuresInARow >= parallel) {
          round.left.push(one)
          continue
        }
        try {
          await postPush(push, one, options)
          failuresInARow = 0
          round.accepted.push(one.endpoint)
          metrics.pushes.inc()
        } catch (error) {
          if (!(error instanceof PushFailure)) throw error
          if (!signal.aborted) metrics.pushFailures.inc({ reason: error.reason })
          if (error.fate === 'gone') {
            failuresInARow = 0
            round.gone.push(one.endpoint)
            continue
          }
          round.failure = error
          if (error.fate === 'refused') {
            round.refused.push(one.endpoint)
            continue
          }
          failuresInARow++
          round.retryAfter = Math.max(round.retryAfter, error.retryAfter)
          round.left.push(one)
        }
      }
    }
    await Promise.all(Array.from({ length: parallel }, work))
    return round
  }

  return {
    async send(due) {
      const answers: Answers = { accepted: [], gone: [], refused: [] }
      const byService = new Map<string, DuePush[]>()
      for (const one of shuffled(due)) {
        const service = serviceOf(one.endpoint, push.hosts)
        // It was allowed when it was stored, and the settings have changed since.
        if (service === undefined) continue
        byService.set(service, [...(byService.get(service) ?? []), one])
      }
      await Promise.all([...byService].map(([service, own]) => sendTo(service, own, answers)))
      return answers
    },
  }
}

/** Returns the pushes in random order: endpoints of one origin, which may all be dead, must not stand together. */
function shuffled(due: readonly DuePush[]): DuePush[] {
  return due
    .map((one) => ({ one, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one)
}
