import type { Clock } from '@rabble/clock'
import type { PeopleSignal } from '@rabble/contract'
import type { Hub } from '../sessions/hub.ts'
import type { Session } from '../sessions/session.ts'
import type { PresenceState } from './followed-people.ts'

/** Time (ms) after which a session whose user does nothing counts as away. */
const idleAfter = 10 * 60_000
/** Time (ms) for which a change of a user is collected, and for which a user may come back who has gone. */
const soon = 500
const grace = 5_000
/** Time (ms) between two looks for users who do nothing. */
const look = 60_000

/** Presence of the users who have sessions at this gateway, as the other gateways are told. */
export interface PeopleHere {
  /** Notes that a session of a user has come, gone, or has become active or not. */
  touched(user: string): void
  /** Notes that the user of a session does something. */
  acted(session: Session): void
  /** Returns the state of a user now. */
  stateOf(user: string): PresenceState
  /** Returns what has changed since the last call and is due. */
  changes(): PeopleSignal['users']
  /** Returns what the others know of a user; undefined: nothing. */
  announced(user: string): PresenceState | undefined
}

export function createPeopleHere(hub: Pick<Hub, 'sessionsOf'>, clock: Clock): PeopleHere {
  const announced = new Map<string, PresenceState>()
  /** Times (ms, by `monotonic`) at which users are looked at. */
  const due = new Map<string, number>()
  let looked = clock.monotonic()

  function isActive({ away, activeAt }: Session): boolean {
    return !away && clock.monotonic() - activeAt < idleAfter
  }

  function stateOf(user: string): PresenceState {
    let state: PresenceState = 'offline'
    for (const session of hub.sessionsOf(user)) {
      if (isActive(session)) return 'online'
      state = 'away'
    }
    return state
  }

  function touched(user: string): void {
    const now = clock.monotonic()
    const isGone = stateOf(user) === 'offline'
    due.set(user, isGone ? now + grace : Math.min(due.get(user) ?? now + soon, now + soon))
  }

  return {
    stateOf,
    announced: (user) => announced.get(user),
    touched,
    acted(session) {
      const wasIdle = clock.monotonic() - session.activeAt >= idleAfter
      session.activeAt = clock.monotonic()
      if (wasIdle && session.user !== undefined) touched(session.user.id)
    },
    changes() {
      const now = clock.monotonic()
      if (now - looked >= look) {
        looked = now
        for (const [user, state] of announced)
          if (stateOf(user) !== state && !due.has(user)) due.set(user, now)
      }
      const changed: PeopleSignal['users'] = []
      for (const [user, at] of due) {
        if (at > now) continue
        due.delete(user)
        const state = stateOf(user)
        if (state === (announced.get(user) ?? 'offline')) continue
        if (state === 'offline') announced.delete(user)
        else announced.set(user, state)
        changed.push({ user, state })
      }
      return changed
    },
  }
}
