import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { inTime } from '@rabble/clock/race'
import type { TextChange, User } from '@rabble/contract'
import type { ByteString } from '@rabble/event-log'
import type { HistoryClient, Replay } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'
import type { Metrics } from '../metrics.ts'
import { applyChange, applyChanges, type EventRange, eventRangeOf, textChangesIn } from './event-range.ts'
import type { RoomBuffers } from './room-buffers.ts'

/** Maximum number of events that a resuming client gets at once. A client that missed more pages through the history. */
const maxMessages = 10_000
/** Maximum number of ids in one question. The oldest one decides how far back it goes, so it answers most others too. */
const maxIds = 500
/** Time (ms) that a join waits for history after others have waited in vain. A healthy history answers in that time. */
const shortTimeout = 250
/** Time (ms) for which joins wait only briefly then: a session does one thing at a time, and may resume many rooms. */
const cooldown = 10_000
/** Pause (ms) before the next question. */
const retryInterval = 100
/** Time (ms) in which clients that come back to the same room are collected, so that they cost one question. */
const coalesceWindow = 10
/** Maximum number of rooms about which history is asked at a time. */
const maxQuestions = 8
/** Maximum size (bytes) of answers from history that are kept for clients that come a little later. */
const maxBytes = 32 * 1024 * 1024

/**
 * Replays events that are older than the room buffers, from history, to clients that were away for long. An answer of history
 * ends at an offset of the log, and the buffered events behind that offset follow it. So no event is missing or sent twice in
 * between, even where the log holds an event twice.
 */
export interface HistoryReplay {
  /**
   * Fetches the events for `after`. Resolves in time, also without success. `user` is the one who asks, and waits for its turn
   * among `sharers`, as for `Turns`.
   */
  fetch(room: string, after: string, user: User, sharers: readonly string[]): Promise<void>
  /** Returns the lines of all events that followed `after`, up to the newest one; undefined if these are not known. */
  after(room: string, after: string): ByteString[] | undefined
  /**
   * Applies a change to the kept answers. Call it for each edit and deletion that comes through the log, so that no old text is sent.
   * Reactions in an answer stay those of its end: clients get the later ones as events.
   */
  changed(change: TextChange): void
}

/** A range of a room from history, with all events up to the offset `through`. */
interface Piece extends EventRange {
  through: number
  known: ReadonlySet<string>
  bytes: number
}

/** A question that waits for its turn, or is being asked. */
interface Question {
  after: Set<string>
  /** Time (ms, by the clock's `monotonic`) until which a client waits for it. */
  deadline: number
  /** Resolves to true if nothing is left to wait for. */
  answered: Deferred<boolean>
  /** First names of the clients that wait in turn to ask it. It is asked when the first of them has its turn. */
  askers: Set<string>
  asked: boolean
}

export function createHistoryReplay(options: {
  history: HistoryClient
  recent: RoomBuffers
  /** Returns the offset up to which this gateway has read the partition of a room. */
  position: (room: string) => number
  /** Time (ms) that a join waits for a history that lags behind or is slow, including the wait for its turn. */
  timeout: number
  clock: Clock
  metrics: Metrics
}): HistoryReplay {
  const { history, recent, position, timeout, clock, metrics } = options
  const pieces = new Map<string, Piece>()
  const questions = new Map<string, Question>()
  const turns = createTurns({ active: maxQuestions })
  let bytes = 0
  /** Time (ms, by the clock's `monotonic`) until which joins wait only briefly. */
  let cooldownEndsAt = 0

  /** Asks the question at the turn of this client. That may come before the turn of the client that asked first. */
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
      question.answered.resolve(await askInTurn(room, question, user))
    })
  }

  async function askInTurn(room: string, question: Question, user: User): Promise<boolean> {
    // From here on the question is fixed. Clients that come now ask the next one.
    questions.delete(room)
    if (clock.monotonic() >= question.deadline) return false
    // The events that follow history's answer must stay in memory until all waiting clients have been served from both.
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
   * Asks again until history has stored what this gateway lacks of the room. The gateway must also have read all that history
   * has, so that no event of the answer comes again. Returns false if that took too long.
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

  /** Waits until this gateway has read up to an offset. Returns false if that took too long. */
  async function reads(room: string, offset: number, deadline: number): Promise<boolean> {
    while (position(room) < offset && clock.monotonic() < deadline) await clock.sleep(retryInterval / 10)
    return position(room) >= offset
  }

  function keep(room: string, { ids, lines }: Replay, through: number): void {
    const piece = { ...eventRangeOf(ids, lines), through, known: new Set(ids), bytes: 0 }
    // Changes that history had not stored yet are missing in its messages. Those that it had are lines of the piece.
    const newer = recent.behind(room, through)
    if (newer !== undefined) applyChanges(piece, textChangesIn(eventRangeOf(newer.ids, newer.lines)))
    forget(room)
    // If the room has no buffer, the newest events fill one, and the next client needs no history.
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
    // The events behind the piece are no longer remembered, so there may be a hole.
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
        question = {
          after: new Set(),
          deadline,
          answered: new Deferred(),
          askers: new Set(),
          asked: false,
        }
        questions.set(room, question)
      }
      question.after.add(id)
      question.deadline = Math.max(question.deadline, deadline)
      const [asker = ''] = sharers
      if (!question.askers.has(asker)) {
        question.askers.add(asker)
        void ask(room, question, user, sharers)
      }
      const answered = await inTime(question.answered.promise, deadline - clock.monotonic(), clock)
      // A client that waits behind many questions of its own says nothing about history.
      if (!answered && isAnswering && question.asked) cooldownEndsAt = clock.monotonic() + cooldown
    },
  }
}
