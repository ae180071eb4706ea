import type { Clock } from '@rabble/clock'
import type { ChangeEvent, User } from '@rabble/contract'
import type { ByteString } from '@rabble/event-log'
import type { HistoryClient, Replay } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'
import type { Metrics } from '../metrics.ts'
import { applyChange, applyChanges, changesIn, type EventRange, eventRangeOf } from './event-range.ts'
import type { RoomBuffers } from './room-buffers.ts'

/** Most events that a resuming client gets at once; who missed more pages through the history. */
const maxMessages = 10_000
/** Ids in one question. The oldest of them decides how far back it goes, so most others are answered all the same. */
const maxIds = 500
/** How long (ms) a join waits for history where others have just waited in vain: one that is well answers in that time. */
const shortTimeout = 250
/** How long (ms) others wait but briefly then: sessions do one thing after another, and may have many rooms to resume. */
const cooldown = 10_000
/** How long (ms) to wait before asking again. */
const retryInterval = 100
/** How long (ms) others that come back to the same room are waited for, so that all of them cost one question. */
const coalesceWindow = 10
/** Rooms about which history is asked at a time. */
const maxQuestions = 8
/** Bytes of what history answered that are kept for those who come a little later. */
const maxBytes = 32 * 1024 * 1024

/**
 * What is older than the recent events: fetched from history when a client comes back that was away for long. What
 * history answers ends at an offset of the log, and is followed by the recent events behind that offset. So nothing is
 * missing or twice in between, also where the log holds an event twice.
 */
export interface HistoryReplay {
  /**
   * Fetches what is needed to answer `after`, and resolves in time, whether it could be had or not. `user` is who asks, and
   * waits for its turn among `sharers`, as for `Turns`.
   */
  fetch(room: string, after: string, user: User, sharers: readonly string[]): Promise<void>
  /** The lines of all that followed `after`, up to the newest recent event; undefined if that isn't known. */
  after(room: string, after: string): ByteString[] | undefined
  /** A message was changed: to be called for each change that comes through the log, so that no old text is handed out. */
  changed(change: ChangeEvent): void
}

/** A piece of a room from history, with all events up to the offset `through`. */
interface Piece extends EventRange {
  through: number
  known: ReadonlySet<string>
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

export function createHistoryReplay(options: {
  history: HistoryClient
  recent: RoomBuffers
  /** Offset up to which this gateway has read the partition of a room. */
  position: (room: string) => number
  /** How long (ms) a join waits for a history that lags behind, or is slow; in turn, too. */
  timeout: number
  clock: Clock
  metrics: Metrics
}): HistoryReplay {
  const { history, recent, position, timeout, clock, metrics } = options
  const pieces = new Map<string, Piece>()
  const questions = new Map<string, Question>()
  const turns = createTurns({ active: maxQuestions })
  let bytes = 0
  /** Until when joins wait but briefly. */
  let cooldownEndsAt = 0

  /** Somebody else's turn may come sooner than that of who asked first, and may be for many other rooms. */
  async function ask(
    room: string,
    question: Question,
    user: User,
    sharers: readonly string[],
  ): Promise<void> {
    await clock.sleep(coalesceWindow)
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
    const release = recent.pin(room)
    try {
      return await askUntil(room, [...question.after].slice(0, maxIds), user.id, question.deadline)
    } catch {
      return false
    } finally {
      setImmediate(release)
    }
  }

  /**
   * Asks again while history has not stored yet what this gateway lacks of the room. The gateway must have read all that
   * history has, too, so that nothing of the answer comes a second time. False if that wasn't so in time.
   */
  async function askUntil(room: string, after: string[], user: string, deadline: number): Promise<boolean> {
    while (clock.monotonic() < deadline) {
      metrics.historyQuestions.inc()
      const replay = await history.replay({ room, after, limit: maxMessages }, user)
      const through = replay.through ?? -1
      const joins = () => through >= recent.missing(room)
      if (joins() && (await reads(room, through, deadline)) && joins()) {
        if (replay.ids.length > 0) keep(room, replay, through)
        return true
      }
      if (!replay.complete) return true
      await clock.sleep(retryInterval)
    }
    return false
  }

  /** Whether this gateway has read up to an offset, in time. */
  async function reads(room: string, offset: number, deadline: number): Promise<boolean> {
    while (position(room) < offset && clock.monotonic() < deadline) await clock.sleep(retryInterval / 10)
    return position(room) >= offset
  }

  function keep(room: string, { ids, lines }: Replay, through: number): void {
    const piece = { ...eventRangeOf(ids, lines), through, known: new Set(ids), bytes: 0 }
    // Changes that history had not stored: its messages don't know of them. Those that it has are lines of the piece.
    const newer = recent.behind(room, through)
    if (newer !== undefined) applyChanges(piece, changesIn(eventRangeOf(newer.ids, newer.lines)))
    forget(room)
    // If nothing is remembered of the room, the newest become recent, and the next client needs no history.
    recent.restore(room, ids, piece.lines, through)
    piece.bytes = piece.lines.reduce((sum, line) => sum + line.length, 0)
    pieces.set(room, piece)
    bytes += piece.bytes
    for (const oldest of pieces.keys()) {
      if (bytes <= maxBytes || oldest === room) break
      forget(oldest)
    }
  }

  function forget(room: string): void {
    bytes -= pieces.get(room)?.bytes ?? 0
    pieces.delete(room)
  }

  function after(room: string, id: string): ByteString[] | undefined {
    const piece = pieces.get(room)
    if (piece === undefined) return undefined
    const rest = recent.behind(room, piece.through)
    // What followed it is no longer remembered: there may be a hole by now.
    if (rest === undefined) forget(room)
    const index = piece.ids.indexOf(id)
    if (rest === undefined || index === -1) return undefined
    // The log may hold an event twice, the second time behind the piece.
    const newer = rest.lines.filter((_, place) => !piece.known.has(rest.ids[place] ?? ''))
    return [...piece.lines.slice(index + 1), ...newer]
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
      const isAnswering = now >= cooldownEndsAt
      const deadline = now + (isAnswering ? timeout : shortTimeout)
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
      if (!answered && isAnswering && question.asked) cooldownEndsAt = clock.monotonic() + cooldown
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
