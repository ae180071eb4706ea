import type { Clock } from '@rabble/clock'
import type { ChangeEvent, User } from '@rabble/contract'
import type { HistoryClient, Replay } from '@rabble/history/client'
import type { Logger } from '@rabble/service'
import { createTurns } from '@rabble/turns'
import type { Metrics } from './metrics.ts'
import type { Hold, Recent } from './recent.ts'
import { applyChange, applyChanges, type Stretch, stretchOf } from './stretch.ts'

/** Most events that a resuming client gets at once; who missed more pages through the history. */
const mostMessages = 10_000
/** Ids in one question. The oldest of them decides how far back it goes, so most others are answered all the same. */
const mostIds = 500
/** How long (ms) a join waits for history where others have just waited in vain: one that is well answers in that time. */
const brief = 250
/** How long (ms) others wait but briefly then: sessions do one thing after another, and may have many rooms to resume. */
const respite = 10_000
/** How long (ms) to wait before asking again. */
const pause = 100
/** How long (ms) others that come back to the same room are waited for, so that all of them cost one question. */
const gathering = 10
/** Rooms about which history is asked at a time. */
const mostQuestions = 8
/** Bytes of what history answered that are kept for those who come a little later. */
const mostBytes = 32 * 1024 * 1024

/**
 * What is older than the recent events: fetched from history when a client comes back that was away for long. What
 * history answers is joined to the recent events at one that both have, so nothing is missing or twice in between.
 */
export interface Past {
  /**
   * Fetches what is needed to answer `after`, and resolves in time, whether it could be had or not. `user` is who asks, and
   * waits for its turn among `sharers`, as for `Turns`.
   */
  fetch(room: string, after: string, user: User, sharers: readonly string[]): Promise<void>
  /** The lines of all that followed `after`, up to the newest recent event; undefined if that isn't known. */
  after(room: string, after: string): string[] | undefined
  /** A message was changed: to be called for each change that comes through the log, so that no old text is handed out. */
  changed(change: ChangeEvent): void
}

/** A piece of a room from history, which ends right before the recent event `next`. */
interface Piece extends Stretch {
  next: string
  bytes: number
}

/** A question that waits to be asked, or is being asked. */
interface Question {
  after: Set<string>
  /** Until when somebody waits for it (milliseconds of the clock's `monotonic`). */
  deadline: number
  /** Whether nothing is left to wait for. */
  done: Promise<boolean>
  answer(answered: boolean): void
  /** First names of those who wait in turn to ask it: it is asked when the first of them has its turn. */
  askers: Set<string>
  asked: boolean
}

export function createPast(options: {
  history: HistoryClient
  recent: Recent
  /** Offset up to which this gateway has read the partition of a room. */
  position: (room: string) => number
  /** How long (ms) a join waits for a history that lags behind, or is slow; in turn, too. */
  patience: number
  clock: Clock
  metrics: Metrics
  logger: Logger
}): Past {
  const { history, recent, position, patience, clock, metrics, logger } = options
  const pieces = new Map<string, Piece>()
  const questions = new Map<string, Question>()
  const turns = createTurns({ active: mostQuestions })
  let bytes = 0
  let failing = false
  /** Until when joins wait but briefly. */
  let hurried = 0

  /** Somebody else's turn may come sooner than that of who asked first, and may be for many other rooms. */
  async function ask(
    room: string,
    question: Question,
    user: User,
    sharers: readonly string[],
  ): Promise<void> {
    await clock.sleep(gathering)
    await turns.run(sharers, async () => {
      if (question.asked) return
      question.asked = true
      question.answer(await askInTurn(room, question, user))
    })
  }

  async function askInTurn(room: string, question: Question, user: User): Promise<boolean> {
    // From here on the question is fixed; who comes now asks the next one.
    questions.delete(room)
    if (clock.monotonic() >= question.deadline) return false
    // What history's answer is joined to must not be dropped before those who wait have been served from both.
    const hold = recent.hold(room)
    try {
      const { deadline } = question
      const answered = await askUntil(room, [...question.after].slice(0, mostIds), user.id, hold, deadline)
      if (failing) logger.info({}, 'history answers again')
      failing = false
      return answered
    } catch (error) {
      metrics.historyErrors.inc()
      if (!failing)
        logger.warn(
          { err: error },
          'history does not answer; clients that were away for long read it themselves',
        )
      failing = true
      return false
    } finally {
      setImmediate(hold.release)
    }
  }

  /**
   * Asks again while history is behind what this gateway has read, or the other way round. All that the gateway has read
   * of the room since `reached` is among the recent events: so the mark stays where it is, and a history that is always a
   * little behind a busy partition gets there. False if it didn't in time.
   */
  async function askUntil(
    room: string,
    after: string[],
    user: string,
    hold: Hold,
    deadline: number,
  ): Promise<boolean> {
    let before = recent.oldest(room)
    let reached = position(room)
    while (clock.monotonic() < deadline) {
      metrics.historyQuestions.inc()
      const replay = await history.replay(
        { room, after, limit: mostMessages, ...(before !== undefined && { before }) },
        user,
      )
      const through = replay.through ?? -1
      const caughtUp = through >= reached
      // Without a joint, history must have stored all that this gateway had read, and this gateway must have read all
      // that history has, so that the newer ones are among the recent events by now.
      const usable =
        before === undefined
          ? caughtUp && (await reads(room, through, deadline)) && !hold.lost
          : replay.joined
      if (usable && replay.ids.length > 0) keep(room, replay, before)
      // Of an id, or a joint, that history doesn't have, though it has everything, it will never know.
      if (usable || !replay.complete || (before !== undefined && caughtUp)) return true
      await clock.sleep(pause)
      const oldest = recent.oldest(room)
      if (oldest === before && !hold.lost) continue
      hold.lost = false
      before = oldest
      reached = position(room)
    }
    return false
  }

  /** Whether this gateway has read up to an offset, in time. */
  async function reads(room: string, offset: number, deadline: number): Promise<boolean> {
    while (position(room) < offset && clock.monotonic() < deadline) await clock.sleep(pause / 10)
    return position(room) >= offset
  }

  function keep(room: string, { ids, lines }: Replay, before: string | undefined): void {
    let next = before ?? recent.oldest(room)
    if (next === undefined) {
      // Nothing has happened since: the newest of them become recent, and whoever comes next needs no history.
      const known = ids.length - recent.restore(room, ids, lines)
      next = ids[known]
    }
    const end = next === undefined ? -1 : ids.indexOf(next)
    const piece = {
      ...stretchOf(end === -1 ? ids : ids.slice(0, end), end === -1 ? lines : lines.slice(0, end)),
      next: next ?? '',
      bytes: 0,
    }
    // Changes that were read while history answered: its messages may not know of them yet.
    applyChanges(piece, recent.changes(room))
    forget(room)
    piece.bytes = piece.lines.reduce((sum, line) => sum + line.length, 0)
    pieces.set(room, piece)
    bytes += piece.bytes
    for (const oldest of pieces.keys()) {
      if (bytes <= mostBytes || oldest === room) break
      forget(oldest)
    }
  }

  function forget(room: string): void {
    bytes -= pieces.get(room)?.bytes ?? 0
    pieces.delete(room)
  }

  function after(room: string, id: string): string[] | undefined {
    const piece = pieces.get(room)
    if (piece === undefined) return undefined
    const rest = recent.from(room, piece.next)
    // What it was joined to is no longer remembered: there may be a hole by now.
    if (rest === undefined) forget(room)
    const index = piece.ids.lastIndexOf(id)
    return rest === undefined || index === -1 ? undefined : [...piece.lines.slice(index + 1), ...rest]
  }

  return {
    after,
    changed(change) {
      const piece = pieces.get(change.room)
      if (piece === undefined) return
      const { grown } = applyChange(piece, change)
      piece.bytes += grown
      bytes += grown
    },
    async fetch(room, id, user, sharers) {
      if (after(room, id) !== undefined) return
      const now = clock.monotonic()
      const patient = now >= hurried
      const deadline = now + (patient ? patience : brief)
      let question = questions.get(room)
      if (question === undefined) {
        question = newQuestion(deadline)
        questions.set(room, question)
      }
      question.after.add(id)
      question.deadline = Math.max(question.deadline, deadline)
      const [asker = ''] = sharers
      if (!question.askers.has(asker)) {
        question.askers.add(asker)
        void ask(room, question, user, sharers)
      }
      const answered = await inTime(question.done, deadline - clock.monotonic(), clock)
      // One that waits behind many others of its own says nothing about history.
      if (!answered && patient && question.asked) hurried = clock.monotonic() + respite
    },
  }
}

function newQuestion(deadline: number): Question {
  let answer: Question['answer'] = () => {}
  const done = new Promise<boolean>((resolve) => {
    answer = resolve
  })
  return { after: new Set(), deadline, done, answer, askers: new Set(), asked: false }
}

/** False if it takes longer than `limit` (ms). */
async function inTime(done: Promise<boolean>, limit: number, clock: Clock): Promise<boolean> {
  const settled = new AbortController()
  const late = clock.sleep(Math.max(0, limit), { signal: settled.signal }).then(() => false)
  try {
    return await Promise.race([done, late])
  } finally {
    settled.abort()
  }
}
