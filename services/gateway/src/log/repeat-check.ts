import type { Clock } from '@rabble/clock'
import { type ChatEvent, RabbleError } from '@rabble/contract'
import type { HistoryClient, Known } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'
import type { Metrics } from '../metrics.ts'
import type { DuplicateFilter } from './duplicate-filter.ts'

/** Tolerance (ms) for ages that clients report too small. */
const margin = 10_000
/** Timeout (ms) of history for an event that is most likely new. */
const shortTimeout = 1_000
/** Time (ms) in which such events are not checked after history did not answer. */
const cooldown = 10_000
/** Pause (ms) before the next question. */
const pause = 50
/** Maximum number of ids in one question. */
const maxIds = 500
/** Maximum number of concurrent questions to history. */
const maxQuestions = 8

/**
 * Reason why an event may repeat one that the gateway no longer remembers. `age`: the sender says that it is a repeat, and how
 * long ago (ms) it sent the first one. `perhaps`: nothing rules it out.
 */
export type Suspicion = { age: number } | 'perhaps'

/**
 * Tells repeats from new events. The gateway recognises what it read from the log itself: its memory begins one minute before its
 * start and holds about 100,000 events. For older events it asks history, but never for an event that is surely new.
 */
export interface RepeatCheck {
  /**
   * Checks whether an event is stored already. Returns undefined if no question is needed: the event is new, or remembered. The
   * question waits for its turn among `sharers`, as for `Turns`. Resolves to `unchecked` if history could not tell and the event
   * is most likely new.
   * @throws RabbleError `unavailable` if history could not tell and the event is a repeat
   */
  check(
    event: Pick<ChatEvent, 'id' | 'room'>,
    suspicion: Suspicion,
    sharers: readonly string[],
  ): Promise<'stored' | 'new' | 'unchecked'> | undefined
}

interface Question {
  ids: string[]
  /** Resolves to the ids that history has; undefined if it could not tell. */
  answer: Promise<ReadonlySet<string> | undefined>
}

export function createRepeatCheck(options: {
  /** Without it, only remembered events are recognised. */
  history: HistoryClient | undefined
  seen: DuplicateFilter
  /** Returns the offset up to which history must have stored a room's partition to have all events that `seen` lacks. */
  needed: (room: string) => number
  /** Timeout (ms) of history for an event that is a repeat. */
  timeout: number
  clock: Clock
  metrics: Metrics
}): RepeatCheck {
  const { history, seen, needed, timeout, clock, metrics } = options
  const questions = new Map<string, Question>()
  const turns = createTurns({ active: maxQuestions }, clock)
  /** Time (ms, by `monotonic`) until which history is not asked about events that are most likely new. */
  let cooldownEndsAt = 0

  function put(room: string, id: string, limit: number, sharers: readonly string[]): Question['answer'] {
    const key = `${limit} ${sharers[0] ?? ''} ${room}`
    let question = questions.get(key)
    if (question === undefined || question.ids.length >= maxIds) {
      const ids: string[] = []
      question = { ids, answer: ask(key, room, ids, limit, sharers) }
      questions.set(key, question)
    }
    question.ids.push(id)
    return question.answer
  }

  async function ask(
    key: string,
    room: string,
    ids: string[],
    limit: number,
    sharers: readonly string[],
  ): Question['answer'] {
    const deadline = clock.monotonic() + limit
    // Ids that come within one turn of the event loop, or while other questions are asked, share a question.
    await Promise.resolve()
    return turns.run(sharers, async () => {
      if (questions.get(key)?.ids === ids) questions.delete(key)
      while (clock.monotonic() < deadline) {
        const known = await answerOf(room, ids)
        if (known === undefined) return undefined
        if ((known.through ?? -1) >= needed(room)) return new Set(known.ids)
        await clock.sleep(pause)
      }
      return undefined
    })
  }

  async function answerOf(room: string, ids: readonly string[]): Promise<Known | undefined> {
    try {
      return await history?.known(room, ids)
    } catch {
      return undefined
    }
  }

  async function resolve(
    event: Pick<ChatEvent, 'id' | 'room'>,
    certain: boolean,
    sharers: readonly string[],
  ) {
    const known = await put(event.room, event.id, certain ? timeout : shortTimeout, sharers)
    const result = known === undefined ? 'unchecked' : known.has(event.id) ? 'stored' : 'new'
    metrics.repeatsChecked.inc({ result })
    if (result !== 'unchecked') return result
    if (certain) throw new RabbleError('unavailable', 'it is not known yet whether this message was stored')
    cooldownEndsAt = clock.monotonic() + cooldown
    return result
  }

  return {
    check(event, suspicion, sharers) {
      if (history === undefined || seen.has(event.id)) return undefined
      if (suspicion === 'perhaps') {
        return clock.monotonic() < cooldownEndsAt
          ? Promise.resolve('unchecked')
          : resolve(event, false, sharers)
      }
      const remembered = clock.monotonic() - seen.since
      return suspicion.age + margin < remembered ? undefined : resolve(event, true, sharers)
    },
  }
}

/** Maximum difference (ms) between the time in a new cid and the gateway's clock. */
const freshness = 10_000

/**
 * Returns whether a cid was made just now: a UUID of version 7 begins with its time as 48 bits of milliseconds.
 * Source: RFC 9562, 5.7.
 */
export function isFresh(cid: string, now: number): boolean {
  if (!/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i.test(cid)) return false
  const time = Number.parseInt(cid.slice(0, 8) + cid.slice(9, 13), 16)
  return Math.abs(now - time) < freshness
}
