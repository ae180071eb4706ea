import type { Clock } from '@rabble/clock'
import {
  type ChatEvent,
  type PersonalEvent,
  RabbleError,
  roomKind,
  type ServerFrames,
  userRoom,
} from '@rabble/contract'
import { partitionOf } from '@rabble/event-log'
import type { HistoryClient, ReceiptStates } from '@rabble/history/client'
import type { Hub } from '../sessions/hub.ts'
import type { Session } from '../sessions/session.ts'
import { SharedFrames } from '../sessions/shared-window.ts'
import { createFollowedRooms } from './followed-rooms.ts'
import type { Memberships } from './memberships.ts'

/** Time (ms) for which requests are collected before history is asked, and the pause after a question that failed. */
const soon = 50
const cooldown = 1_000
/** Minimum time (ms) between two frames that tell a session of a room who has read on. */
const interval = 500
/** Maximum number of rooms of which one question asks for all members, and of single users in it. */
const maxRooms = 50
const maxMoved = 500
/** Maximum number of requests that wait for an answer. */
const maxWaiting = 10_000

/** Places in the log up to which history must have stored what is asked for. */
type Places = readonly { partition: number; offset: number }[]

interface Request {
  session: Session
  user: string
  /** Undefined: only what the user shows is asked for. */
  room: string | undefined
  follow: boolean
  places: Places
  deadline: number
  resolve(answer: Answer): void
  reject(error: RabbleError): void
}

type Positions = Pick<ServerFrames['receipts'], 'shown' | 'receipts' | 'version'>
/** Choices of a user: what others may see. */
export type Choices = Pick<ServerFrames['privacy'], 'receipts' | 'presence'>

/** Read positions of a room, and what the user shows. */
interface Answer {
  positions: Positions
  choices: Choices
}

/** A user who has read on in a room, or whose position is shown no more. */
interface Moved {
  room: string
  user: string
  places: Places
}

/**
 * Tells sessions how far others have read. The log shows who has read, and history, once it has stored as much, how far: a position
 * moves forward only, and not every user shows theirs. One question at a time asks for everything that has changed since, so a
 * session gets one frame for a room, however many have read.
 */
export interface Receipts {
  /**
   * Returns the read positions of a room, or none if they are not shown. With `follow` the session is told of all changes from then on,
   * as long as it is in the room.
   * @throws RabbleError `unavailable` if history does not answer in time; `too-large`
   */
  ask(session: Session, user: string, room: string, follow: boolean): Promise<Positions>
  /** Returns what the user shows. @throws RabbleError `unavailable` */
  shows(session: Session, user: string): Promise<Choices>
  /** Takes an event of the log. It costs nothing where nobody follows the room. */
  take(event: ChatEvent | PersonalEvent, partition: number, offset: number): void
  /** Forgets a session that has ended. */
  ended(session: Session): void
  /** Number of rooms that are followed, each once for each session. */
  readonly followed: number
  close(): void
}

export function createReceipts(options: {
  history: Pick<HistoryClient, 'receipts'> | undefined
  hub: Pick<Hub, 'sessionsOf'>
  memberships: Pick<Memberships, 'has'>
  /** Whether the members of a room see the positions of others, by the settings of the room. */
  allowed: (room: string) => boolean
  /** Returns the offsets up to which this gateway has read each partition; -1 before the first batch. */
  positions: () => readonly number[]
  partitions: number
  /** Maximum number of rooms that one session follows. */
  limit: number
  /** Timeout (ms) of history. */
  timeout: number
  clock: Clock
}): Receipts {
  const { history, hub, memberships, allowed, positions, partitions, limit, timeout, clock } = options
  const followed = createFollowedRooms()
  const moved = new Map<string, Moved>()
  /** Users with sessions here who have changed what they show. */
  const choices = new Map<string, Places>()
  let requests: Request[] = []
  let running = false
  let told = Number.NEGATIVE_INFINITY
  const stop = new AbortController()

  function reached(...rooms: string[]): Places {
    return rooms.map((room) => {
      const partition = partitionOf(room, partitions)
      return { partition, offset: positions()[partition] ?? -1 }
    })
  }

  function run(): void {
    if (running || history === undefined || stop.signal.aborted) return
    running = true
    void work(history).finally(() => {
      running = false
    })
  }

  async function work(history: Pick<HistoryClient, 'receipts'>): Promise<void> {
    let wait = soon
    while (requests.length + moved.size + choices.size > 0) {
      await clock.sleep(wait, { signal: stop.signal, ref: false })
      if (stop.signal.aborted) return
      try {
        await askOnce(history)
        wait = soon
      } catch {
        wait = cooldown
      }
      expire()
    }
  }

  async function askOnce(history: Pick<HistoryClient, 'receipts'>): Promise<void> {
    const asking = firstRooms()
    const isDue = clock.monotonic() >= told + interval
    for (const [key, { room }] of moved) if (!followed.rooms.has(room)) moved.delete(key)
    const moving = isDue ? [...moved].slice(0, maxMoved) : []
    const choosing = isDue ? [...choices].slice(0, maxMoved) : []
    if (asking.length + moving.length + choosing.length === 0) return
    const whole = new Set(asking.flatMap(({ room }) => room ?? []))
    const parts = new Map<string, string[]>()
    for (const [, { room, user }] of moving) parts.set(room, [...(parts.get(room) ?? []), user])
    const states = await history.receipts({
      rooms: [
        ...[...whole].map((room) => ({ room })),
        ...[...parts].filter(([room]) => !whole.has(room)).map(([room, users]) => ({ room, users })),
      ],
      users: [...new Set([...asking.map(({ user }) => user), ...choosing.map(([user]) => user)])],
    })
    const isStored = (places: Places) =>
      places.every(({ partition, offset }) => (states.through[partition] ?? -1) >= offset)
    // Changed again meanwhile: it is asked for again, and what has come is news all the same.
    const stored = moving.filter(([, { places }]) => isStored(places))
    for (const [key, move] of stored) if (moved.get(key) === move) moved.delete(key)
    const chosen = choosing.filter(([, places]) => isStored(places))
    for (const [user, places] of chosen) if (choices.get(user) === places) choices.delete(user)
    if (moving.length + choosing.length > 0) told = clock.monotonic()
    // In one turn: what follows an answer comes after it.
    answer(
      asking.filter(({ places }) => isStored(places)),
      states,
    )
    tellChoices(
      chosen.map(([user]) => user),
      states,
    )
    tellMoved(
      stored.map(([, move]) => move),
      states,
    )
  }

  /** Returns the requests that wait longest, for as many rooms and users as one question may have. */
  function firstRooms(): Request[] {
    const rooms = new Set<string>()
    const users = new Set<string>()
    const first: Request[] = []
    for (const request of requests) {
      if (request.session.closed) continue
      if (request.room !== undefined) rooms.add(request.room)
      users.add(request.user)
      if (rooms.size > maxRooms || users.size > maxMoved) break
      first.push(request)
    }
    return first
  }

  function answer(asking: readonly Request[], states: ReceiptStates): void {
    const rooms = new Map(states.rooms.map((state) => [state.room, state]))
    const users = new Map(states.users.map(({ user, receipts, presence }) => [user, { receipts, presence }]))
    const done = new Set(asking)
    requests = requests.filter((request) => !done.has(request))
    for (const { session, user, room, follow, resolve } of asking) {
      const choices = users.get(user) ?? { receipts: true, presence: true }
      const state = rooms.get(room ?? '')
      const shown = choices.receipts && state !== undefined && !state.large
      if (room !== undefined && !(shown && follow)) followed.remove(session, room)
      if (shown && room !== undefined) {
        for (const { user } of state.receipts) followed.rooms.get(room)?.shown.add(user)
      }
      const version = state?.version ?? 0
      resolve({ positions: { shown, receipts: shown ? state.receipts : [], version }, choices })
    }
  }

  function tellChoices(users: readonly string[], states: ReceiptStates): void {
    for (const { user, receipts, presence, version } of states.users) {
      if (!users.includes(user)) continue
      for (const session of hub.sessionsOf(user)) {
        // Clients ask again for what they see of others then.
        if (!receipts) followed.removeSession(session)
        session.reply({ type: 'privacy', receipts, presence, version })
      }
    }
  }

  function tellMoved(moves: readonly Moved[], states: ReceiptStates): void {
    const users = new Map<string, string[]>()
    for (const { room, user } of moves) users.set(room, [...(users.get(room) ?? []), user])
    for (const { room, version, large, receipts } of states.rooms) {
      const sent = followed.rooms.get(room)
      const asked = users.get(room)
      if (sent === undefined || asked === undefined) continue
      if (large || !allowed(room)) {
        tell(room, { type: 'receipts', room, shown: false, receipts: [], version })
        followed.removeRoom(room)
        continue
      }
      const news = receipts.filter(({ user }) => asked.includes(user))
      const now = new Set(news.map(({ user }) => user))
      // Only those who were shown: others would learn of each reading of a user who shows nothing.
      const removed = asked.filter((user) => !now.has(user) && sent.shown.delete(user))
      for (const user of now) sent.shown.add(user)
      if (news.length + removed.length === 0) continue
      tell(room, { type: 'read', room, receipts: news, ...(removed.length > 0 && { removed }), version })
    }
  }

  function tell(room: string, frame: ServerFrames['read'] | ServerFrames['receipts']): void {
    const frames = new SharedFrames([Buffer.from(JSON.stringify(frame))])
    for (const session of followed.rooms.get(room)?.sessions ?? []) {
      // A session that was put out of the room may not know any more.
      if (isIn(session, room)) session.push(frames.encodedFor(session))
      else followed.remove(session, room)
    }
  }

  /** Refuses requests that history has not answered in time. */
  function expire(): void {
    const now = clock.monotonic()
    const late = requests.filter(({ session, deadline }) => session.closed || deadline <= now)
    if (late.length === 0) return
    requests = requests.filter((request) => !late.includes(request))
    for (const { session, room, reject } of late) {
      if (room !== undefined) followed.remove(session, room)
      reject(unavailable())
    }
  }

  function request(
    session: Session,
    user: string,
    room: string | undefined,
    follow: boolean,
  ): Promise<Answer> {
    if (history === undefined || requests.length >= maxWaiting) return Promise.reject(unavailable())
    const places = reached(userRoom(user), ...(room === undefined ? [] : [room]))
    const deadline = clock.monotonic() + timeout
    return new Promise((resolve, reject) => {
      requests.push({ session, user, room, follow, places, deadline, resolve, reject })
      run()
    })
  }

  function move(room: string, user: string, place: Places[number]): void {
    moved.set(`${user}\n${room}`, { room, user, places: [place] })
    run()
  }

  /** A user shows more or less from now on. Where the user has not read meanwhile, the next reading shows more. */
  function choose(user: string, place: Places[number]): void {
    for (const _ of hub.sessionsOf(user)) {
      choices.set(user, [place])
      break
    }
    for (const [room, { shown }] of followed.rooms) {
      if (shown.has(user) || memberships.has(user, room) || isDirect(room, user)) move(room, user, place)
    }
    run()
  }

  return {
    async ask(session, user, room, follow) {
      if (!allowed(room)) return { shown: false, receipts: [], version: 0 }
      if (follow && !followed.rooms.get(room)?.sessions.has(session) && followed.countOf(session) >= limit) {
        throw new RabbleError(
          'too-large',
          `a session follows the read positions of no more than ${limit} rooms`,
        )
      }
      // Before the question, so that no change is missed behind its answer.
      if (follow) followed.add(session, room)
      return (await request(session, user, room, follow)).positions
    },
    async shows(session, user) {
      return (await request(session, user, undefined, false)).choices
    },
    take(event, partition, offset) {
      switch (event.type) {
        case 'read':
        case 'membership':
          if (followed.rooms.has(event.room)) move(event.room, event.user, { partition, offset })
          return
        case 'privacy':
          choose(event.user, { partition, offset })
          return
        // An author has read what is before: everybody knows that from the message.
        default:
      }
    },
    ended: followed.removeSession,
    get followed() {
      return followed.size
    },
    close: () => stop.abort(),
  }
}

function isIn(session: Session, room: string): boolean {
  return !session.closed && (session.rooms.has(room) || roomKind(room)?.kind === 'direct')
}

function isDirect(room: string, user: string): boolean {
  const kind = roomKind(room)
  return kind?.kind === 'direct' && kind.users.includes(user)
}

function unavailable(): RabbleError {
  return new RabbleError('unavailable', 'the read positions are not known right now')
}
