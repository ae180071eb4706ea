import { type Clock, systemClock } from '@rabble/clock'
import { type Limits, RabbleError } from '@rabble/contract'
import { type Logger, type Tracing, withTimeout } from '@rabble/service'
import { createTurns, NoPlaceError } from '@rabble/turns'
import type { Metrics } from '../metrics.ts'
import { createBreaker } from './breaker.ts'
import { createReceiver, InvalidAnswerError } from './receiver.ts'
import { createRefusals } from './refusals.ts'
import { type Askable, type Verdict, verdictOf } from './verdict.ts'

/** Maximum number of concurrent questions, and of those of one user or address. */
const maxActive = 64
const maxActiveOfOne = 32
/** Maximum number of events that wait for their turn, and of those of one user or address. */
const maxWaiting = 2_000
const maxWaitingOfOne = 1_000
/** Pause (ms) that a client is told if its event could not be checked. */
const retryAfter = 1_000
/** Minimum time (ms) between two log lines on invalid answers. */
const logInterval = 60_000

export interface BeforePublishOptions {
  /** Address of the hook: `http:` or `https:`. */
  url: string
  /** Keys that sign the questions; see `signWebhook`. */
  secret: string
  /** Time limit (ms) of an answer. */
  timeout: number
  /** Fate of an event without a valid answer in time: `allow` publishes it as it is, `refuse` answers `unavailable`. */
  policy: 'allow' | 'refuse'
}

/** Sender of an event. */
export interface Sender {
  readonly roles: readonly string[]
  /** Names under which its shares are counted; see `Turns`. */
  readonly sharers: readonly string[]
}

/** The operator's hook, a program that allows, changes or refuses messages and edits of users. */
export interface BeforePublish {
  /**
   * Asks the hook about an event. Resolves to the event to publish. Events with the same id share one question, and an id that was
   * refused is refused again without one.
   * @throws RabbleError `refused`, with the reason of the hook; `unavailable` if the event could not be checked
   */
  check(event: Askable, sender: Sender): Promise<Askable>
  /** Gives up all questions. */
  close(): void
}

export function createBeforePublish(
  options: BeforePublishOptions & {
    limits: Limits
    clock?: Clock
    metrics: Pick<Metrics, 'beforePublish' | 'beforePublishSeconds'>
    logger: Logger
    tracing?: Tracing | undefined
  },
): BeforePublish {
  const { timeout, policy, limits, clock = systemClock, metrics, logger } = options
  // Twice a frame is enough for a text and a `meta` within their limits, however their characters are escaped.
  const answerBytes = 2 * limits.frameBytes
  const receiver = createReceiver({ ...options, connections: maxActive, answerBytes, clock })
  const each = { active: maxActiveOfOne, waiting: maxWaitingOfOne }
  const turns = createTurns({ active: maxActive, waiting: maxWaiting, each }, clock)
  const refusals = createRefusals()
  /** Events that are being asked about, by id. */
  const asking = new Map<string, Promise<Askable>>()
  const effect = policy === 'allow' ? 'messages are published unchecked' : 'no messages are accepted'
  const breaker = createBreaker({
    clock,
    opened: (err) => closed || logger.error({ err }, `the before-publish hook does not answer: ${effect}`),
    closed: () => logger.info('the before-publish hook answers again'),
  })
  let nextLog = 0
  let closed = false

  async function decide(event: Askable, sender: Sender): Promise<Askable> {
    const verdict = await inTurn(event, sender)
    if (verdict === undefined) {
      if (policy === 'allow') return event
      throw new RabbleError('unavailable', 'this message can not be checked now', { retryAfter })
    }
    if (verdict.outcome !== 'refused') return verdict.event
    refusals.add(event.id, verdict.reason)
    throw new RabbleError('refused', verdict.reason)
  }

  /**
   * Asks once there is a place. Returns undefined if there was no valid answer in time.
   * @throws RabbleError `unavailable` if too many wait. Their number says nothing about the hook, so the policy has no say: a flood
   * must not be a way around a filter.
   */
  async function inTurn(event: Askable, sender: Sender): Promise<Verdict | undefined> {
    try {
      // The signal ends the waiting only. A question has its whole time limit, so that a queue doesn't make the hook look dead.
      return await withTimeout(clock, timeout, (late) =>
        turns.run(sender.sharers, () => ask(event, sender), late),
      )
    } catch (error) {
      const busy = error instanceof NoPlaceError
      metrics.beforePublish.inc({ outcome: busy ? 'busy' : 'timeout' })
      if (!busy) return undefined
      throw new RabbleError('unavailable', 'too many messages wait to be checked', { retryAfter })
    }
  }

  /** Never rejects. */
  async function ask(event: Askable, { roles }: Sender): Promise<Verdict | undefined> {
    const attempt = closed ? undefined : breaker.begin()
    if (attempt === undefined) {
      metrics.beforePublish.inc({ outcome: 'skipped' })
      return undefined
    }
    const stop = metrics.beforePublishSeconds.startTimer()
    try {
      const verdict = verdictOf(event, await receiver.ask({ event, roles: [...roles] }), limits)
      attempt.answered()
      metrics.beforePublish.inc({ outcome: verdict.outcome })
      return verdict
    } catch (error) {
      // An invalid answer costs little time. If such answers stopped the calls, one bad message could switch off a filter.
      if (error instanceof InvalidAnswerError) attempt.answered()
      else attempt.failed(error)
      metrics.beforePublish.inc({ outcome: outcomeOf(error) })
      if (error instanceof InvalidAnswerError) complain(error)
      return undefined
    } finally {
      stop()
    }
  }

  function complain(err: InvalidAnswerError): void {
    const now = clock.monotonic()
    if (now < nextLog) return
    nextLog = now + logInterval
    logger.warn({ err }, 'the before-publish hook gave an invalid answer, which counts as none')
  }

  return {
    check(event, sender) {
      const reason = refusals.reason(event.id)
      if (reason !== undefined) return Promise.reject(new RabbleError('refused', reason))
      const same = asking.get(event.id)
      if (same !== undefined) return same
      const result = decide(event, sender).finally(() => asking.delete(event.id))
      asking.set(event.id, result)
      return result
    },
    close() {
      closed = true
      receiver.close()
    },
  }
}

function outcomeOf(error: unknown): 'invalid' | 'timeout' | 'failed' {
  if (error instanceof InvalidAnswerError) return 'invalid'
  return (error as Error).name === 'TimeoutError' ? 'timeout' : 'failed'
}
