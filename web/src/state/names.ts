import { signal } from '@preact/signals'
import type { User } from '@rabble/client'
import { compareNames } from '../ui/intl.ts'
import { folded } from '../ui/matching.ts'
import { me, onSignOut } from './session.ts'
import { load, save } from './storage.ts'

/** Maximum number of remembered names. */
const maxNames = 2_000

/** Id → name of users who were seen. */
const names = new Map<string, string>()
/** Counter that increases when a name is new or has changed, so that components that show names are drawn again. */
const version = signal(0)

/** Returns the name of a user, or the id of one who was never seen. */
export function nameOf(user: string): string {
  return knownNameOf(user) ?? user
}

/** Returns the name of a user who was seen; undefined for others. */
export function knownNameOf(user: string): string | undefined {
  version.value
  return names.get(user)
}

export function remember(users: Iterable<User>): void {
  let news = false
  for (const { id, name } of users) {
    news ||= names.get(id) !== name
    names.delete(id)
    names.set(id, name)
  }
  for (const id of names.keys()) {
    if (names.size <= maxNames) break
    names.delete(id)
  }
  if (news) version.value = version.peek() + 1
}

/** Returns the users whose names contain these letters, sorted by name. */
export function findKnown(letters: string): User[] {
  version.value
  const own = me.peek()?.id
  const wanted = folded(letters.trim())
  return [...names]
    .map(([id, name]) => ({ id, name }))
    .filter(({ id, name }) => id !== own && id !== 'system' && folded(name).includes(wanted))
    .sort((a, b) => compareNames(a.name, b.name))
}

/** Keeps the names in the tab over reloads. */
export function startNames(): void {
  const kept = load('names')
  if (Array.isArray(kept)) remember(kept)
  onSignOut(() => names.clear())
  addEventListener('pagehide', () => {
    save('names', names.size === 0 ? undefined : [...names].map(([id, name]) => ({ id, name })))
  })
}
