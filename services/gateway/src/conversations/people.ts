import type { Clock } from '@rabble/clock'
import {
  type ChatEvent,
  maxSignalled,
  type PeopleSignal,
  type Person,
  type PersonalEvent,
  RabbleError,
  userRoom,
} from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import type { Contacts, HistoryClient } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'
import type { GatewayRegistry } from '../cluster/gateway-registry.ts'
import type { Hub } from '../sessions/hub.ts'
import type { Session } from '../sessions/session.ts'
import { createFollowedPeople, type FollowedPerson, type PresenceState } from './followed-people.ts'
import type { Memberships } from './memberships.ts'
import { createPeopleHere } from './people-here.ts'

/** Time (ms) between two rounds, in which gateways and sessions are told what has changed. */
const round = 500
/** Time (ms) in which other gateways answer. */
const settle = 600
/** Time (ms) for which a user who has gone elsewhere may come back before anybody is told. */
const absence = 3_000
/** Time (ms) between two questions about all who are followed, and after which a state counts no more that was not repeated. */
const again = 30_000
const forgetAfter = 2 * again + 5_000
/** Silence (ms) after which the states of a gateway are dropped that has never reported itself. */
const goneAfter = 6_000
const pause = 50
/** Maximum number of concurrent questions to history. */
const maxQuestions = 4

/**
 * Presence of people, over all gateways. Each gateway tells the others of its own users by signals, and remembers of the others only
 * the users whom its sessions follow. Signals may get lost: everything is asked for again every half a minute, and what a gateway has
 * said counts no more once it is gone.
 */
export interface People {
  /**
   * Returns the presence of those of some users whom the user may see. The session is told of changes from then on, in place of those
   * of an earlier list.
   * @throws RabbleError `unavailable` if history does not answer in time
   */
  follow(session: Session, user: string, users: readonly string[]): Promise<Person[]>
  /** Notes that a session of a user has come, gone, or has become active or not. */
  touched(user: string): void
  /** Notes that the user of a session does something. */
  acted(session: Session): void
  /** Takes what a gateway tells or asks. */
  heard(signal: PeopleSignal): void
  /** Takes an event of the log: users may begin to hide whether they are here. */
  take(event: ChatEvent | PersonalEvent, partition: number, offset: number): void
  ended(session: Session): void
  /** Number of users who are followed, each once for each session. */
  readonly followed: number
  close(): void
}

export function createPeople(options: {
  gateway: string
  history: Pick<HistoryClient, 'contacts'> | undefined
  hub: Pick<Hub, 'sessionsOf'>
  memberships: Pick<Memberships, 'publish'>
  log: Pick<EventLog, 'signal'>
  /** Returns the gateways that reported lately. */
  gateways: GatewayRegistry['list']
  /** Returns the offsets up to which this gateway has read each partition; -1 before the first batch. */
  positions: () => readonly number[]
  /** Whether the users of this gateway go on elsewhere, since it stops. */
  leaving: () => boolean
  /** Timeout (ms) of history. */
  timeout: number
  clock: Clock
}): People {
  const { gateway, history, hub, memberships, log, gateways, positions, leaving, timeout, clock } = options
  const here = createPeopleHere(hub, clock)
  const followed = createFollowedPeople()
  const turns = createTurns({ active: maxQuestions }, clock)
  /** Users about whom the others are asked, and users here about whom they have asked. */
  const asking = new Set<string>()
  const asked = new Set<string>()
  /** Gateways whose states are remembered, and when they were heard (ms, by `monotonic`). */
  const heardAt = new Map<string, number>()
  /** Followed users with a change that is not told yet. */
  const pending = new Set<string>()
  let version = 0
  let askedAll = clock.monotonic()
  const timer = clock.setInterval(tick, round)
  timer.unref()

  function stateOf(user: string, person: FollowedPerson): PresenceState {
    const states = [here.stateOf(user), ...[...person.elsewhere.values()].map(({ state }) => state)]
    return states.find((state) => state === 'online') ?? states.find((state) => state === 'away') ?? 'offline'
  }

  function present(user: string, person: FollowedPerson): Person {
    const state = stateOf(user, person)
    const known = state === 'offline' && person.seenAt !== undefined
    return { user, state, ...(known && { lastSeen: new Date(person.seenAt ?? 0).toISOString() }) }
  }

  /** Tells the followers of a change, soon. */
  function changed(user: string): void {
    const person = followed.people.get(user)
    if (person === undefined) return
    const isOffline = stateOf(user, person) === 'offline'
    person.due = clock.monotonic() + (isOffline ? absence : 0)
    pending.add(user)
  }

  function tick(): void {
    const now = clock.monotonic()
    dropGone(now)
    if (now - askedAll >= again) {
      askedAll = now
      for (const [user, person] of followed.people) {
        asking.add(user)
        dropOld(user, person, now)
      }
    }
    const users = here.changes()
    for (const { user, state } of users) {
      changed(user)
      if (state === 'offline') seen(user)
    }
    for (const user of asked) {
      const state = here.announced(user)
      if (state !== undefined) users.push({ user, state })
    }
    asked.clear()
    signal(users, [...asking])
    asking.clear()
    tell(now)
  }

  function signal(users: PeopleSignal['users'], questions: readonly string[]): void {
    for (let n = 0; n < Math.max(users.length, questions.length); n += maxSignalled) {
      const end = n + maxSignalled
      log.signal({
        type: 'people',
        gateway,
        users: users.slice(n, end),
        asked: questions.slice(n, end),
      } satisfies PeopleSignal)
    }
  }

  /** Notes for good when a user was last here. Those of a gateway that stops go on elsewhere. */
  function seen(user: string): void {
    const person = followed.people.get(user)
    if (person !== undefined) person.seenAt = clock.now()
    if (history === undefined || leaving()) return
    memberships.publish({ type: 'seen', room: userRoom(user), user }).catch(() => {})
  }

  function dropGone(now: number): void {
    if (heardAt.size === 0) return
    const states = new Map(gateways().map(({ gateway, state }) => [gateway, state]))
    for (const [id, at] of heardAt) {
      const state = states.get(id)
      const isGone = state === 'gone' || state === 'stopped' || (state === undefined && at < now - goneAfter)
      if (!isGone) continue
      heardAt.delete(id)
      for (const [user, { elsewhere }] of followed.people) if (elsewhere.delete(id)) changed(user)
    }
  }

  /** Drops states that the gateways have not repeated: they may have told the end, and the signal got lost. */
  function dropOld(user: string, { elsewhere }: FollowedPerson, now: number): void {
    for (const [id, { at }] of elsewhere) {
      if (at < now - forgetAfter && elsewhere.delete(id)) changed(user)
    }
  }

  function tell(now: number): void {
    const news = new Map<Session, Person[]>()
    for (const user of pending) {
      const person = followed.people.get(user)
      if (person !== undefined && person.due > now) continue
      pending.delete(user)
      if (person === undefined) continue
      const state = stateOf(user, person)
      if (state === person.told) continue
      if (state === 'offline') person.seenAt = clock.now() - absence
      person.told = state
      const told = present(user, person)
      for (const [session, isShown] of person.sessions) {
        if (isShown) news.set(session, [...(news.get(session) ?? []), told])
      }
    }
    for (const [session, people] of news) session.reply({ type: 'people', people, version: ++version })
  }

  /** Hides a user from all who follow them. A user who hides sees nobody either. */
  function hide(user: string, place: { partition: number; offset: number }): void {
    const person = followed.people.get(user)
    if (person !== undefined) {
      person.hidden = place
      person.seenAt = undefined
      for (const [session, isShown] of person.sessions) {
        if (isShown) session.reply({ type: 'people', people: [], removed: [user], version: ++version })
        person.sessions.set(session, false)
      }
    }
    for (const session of hub.sessionsOf(user)) followed.remove(session)
  }

  /** Asks history, until it has stored all that this gateway had read. */
  async function contacts(session: Session, user: string, users: readonly string[]): Promise<Contacts> {
    const deadline = clock.monotonic() + timeout
    const reached = [...positions()]
    while (history !== undefined && clock.monotonic() < deadline && !session.closed) {
      try {
        const answer = await history.contacts(user, users)
        if (reached.every((offset, partition) => (answer.through[partition] ?? -1) >= offset)) return answer
      } catch (error) {
        throw unavailable(error)
      }
      await clock.sleep(pause)
    }
    throw unavailable()
  }

  return {
    async follow(session, user, users) {
      const wanted = new Set(users)
      const fresh = followed.replace(session, wanted)
      for (const one of fresh) asking.add(one)
      if (wanted.size === 0) return []
      const since = clock.monotonic()
      const answer = await turns.run(session.sharers, () => contacts(session, user, [...wanted]))
      if (fresh.length > 0) {
        // The question leaves with the next round.
        await clock.sleep(Math.max(0, since + round + settle - clock.monotonic()))
      }
      const people: Person[] = []
      for (const { user: other, shown, seenAt } of answer.contacts) {
        const person = followed.people.get(other)
        if (person?.sessions.has(session) !== true) continue
        const { hidden } = person
        const isOld = hidden !== undefined && (answer.through[hidden.partition] ?? -1) < hidden.offset
        if (!isOld) person.hidden = undefined
        person.sessions.set(session, shown && !isOld)
        if (!shown || isOld) continue
        if (seenAt !== undefined) person.seenAt = Math.max(seenAt, person.seenAt ?? 0)
        person.told ??= stateOf(other, person)
        people.push(present(other, person))
      }
      return people
    },
    touched: here.touched,
    acted: here.acted,
    heard({ gateway: id, users, asked: questions }) {
      if (id === gateway) return
      for (const user of questions) if (here.announced(user) !== undefined) asked.add(user)
      const at = clock.monotonic()
      for (const { user, state } of users) {
        const person = followed.people.get(user)
        if (person === undefined) continue
        heardAt.set(id, at)
        const before = person.elsewhere.get(id)?.state ?? 'offline'
        if (state === 'offline') person.elsewhere.delete(id)
        else person.elsewhere.set(id, { state, at })
        if (state !== before) changed(user)
      }
    },
    take(event, partition, offset) {
      if (event.type === 'privacy' && event.presence === false) hide(event.user, { partition, offset })
    },
    ended: followed.remove,
    get followed() {
      return followed.size
    },
    close: () => timer.cancel(),
  }
}

function unavailable(cause?: unknown): RabbleError {
  return new RabbleError('unavailable', 'the presence of people is not known right now', { cause })
}
