import type { User } from '@rabble/client'
import type { Person } from '@rabble/client/people'
import type { ComponentChildren, JSX } from 'preact'
import { now, presenceOf } from '../state/presence.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { agoOf } from './last-seen.ts'

/** Small avatar of a user, with a dot for online (full) or away (hollow). It is decoration beside `PresenceNote`. */
export function PersonAvatar({ user }: { user: User }): JSX.Element {
  return (
    <span class="person-avatar">
      <Avatar user={user} small />
      <Dot person={presenceOf(user.id)} />
    </span>
  )
}

function Dot({ person }: { person: Person | undefined }): JSX.Element | null {
  if (person === undefined || person.state === 'offline') return null
  return <span class={`presence ${person.state}`} aria-hidden="true" title={wordsOf(person)} />
}

/** Says behind a name whether the user is here: for screen readers and, of a user who is offline, when the user was here. */
export function PresenceNote({ user }: { user: string }): JSX.Element | null {
  const person = presenceOf(user)
  if (person === undefined) return null
  const { state, lastSeen } = person
  return (
    <>
      <span class="unseen">{` ${wordsOf(person)}`}</span>
      {state === 'offline' && lastSeen !== undefined && (
        <span class="last-seen" aria-hidden="true" title={wordsOf(person)}>
          {agoOf(lastSeen, now.value, 'narrow')}
        </span>
      )}
    </>
  )
}

/** Line that says whether a user is here. `otherwise` stands there if that is not shown. */
export function PresenceLine(props: { user: string; otherwise: ComponentChildren }): JSX.Element {
  const person = presenceOf(props.user)
  if (person === undefined) return <>{props.otherwise}</>
  return (
    <span class="presence-line">
      <Dot person={person} />
      {wordsOf(person)}
    </span>
  )
}

function wordsOf({ state, lastSeen }: Person): string {
  if (state === 'offline' && lastSeen !== undefined)
    return t.people.lastSeen(agoOf(lastSeen, now.value, 'long'))
  return t.people.states[state]
}
