import type { Person } from '@rabble/contract'
import type { Session } from '../sessions/session.ts'

export type PresenceState = Person['state']

/** A user whom sessions of this gateway follow. */
export interface FollowedPerson {
  /** Sessions that follow the user, and whether they may see the user. */
  readonly sessions: Map<Session, boolean>
  /** States at other gateways, and when these were told (ms, by `monotonic`). */
  readonly elsewhere: Map<string, { state: PresenceState; at: number }>
  /** When the user was last here (ms since 1970), if that is known. */
  seenAt: number | undefined
  /** State that the sessions know. Undefined: it was not told yet. */
  told: PresenceState | undefined
  /** Time (ms, by `monotonic`) at which the last change is told. */
  due: number
  /** Place in the log at which the user began to hide. Answers from before it do not count. */
  hidden: { partition: number; offset: number } | undefined
}

/** Users who are followed, and by which sessions. */
export interface FollowedPeople {
  readonly people: ReadonlyMap<string, FollowedPerson>
  /** Number of users, each once for each session. */
  readonly size: number
  /** Replaces the users whom a session follows. Returns those whom nobody here has followed before. */
  replace(session: Session, users: ReadonlySet<string>): string[]
  /** Ends what the session follows. */
  remove(session: Session): void
}

export function createFollowedPeople(): FollowedPeople {
  const people = new Map<string, FollowedPerson>()
  const sessions = new Map<Session, ReadonlySet<string>>()
  let size = 0

  function replace(session: Session, users: ReadonlySet<string>): string[] {
    for (const user of sessions.get(session) ?? []) {
      if (users.has(user)) continue
      const person = people.get(user)
      if (person?.sessions.delete(session)) size--
      if (person?.sessions.size === 0) people.delete(user)
    }
    const fresh: string[] = []
    for (const user of users) {
      let person = people.get(user)
      if (person === undefined) {
        const nothing = { seenAt: undefined, told: undefined, due: 0, hidden: undefined }
        person = { sessions: new Map(), elsewhere: new Map(), ...nothing }
        people.set(user, person)
        fresh.push(user)
      }
      if (person.sessions.has(session)) continue
      person.sessions.set(session, false)
      size++
    }
    if (users.size === 0) sessions.delete(session)
    else sessions.set(session, users)
    return fresh
  }

  return {
    people,
    get size() {
      return size
    },
    replace,
    remove: (session) => void replace(session, new Set()),
  }
}
