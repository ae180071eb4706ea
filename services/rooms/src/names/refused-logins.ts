import type { Clock } from '@rabble/clock'
import type { User } from '@rabble/contract'
import type { AuditEntry } from '../api.ts'

/** Entries in a second; the others are only counted. */
const perSecond = 20

/** Who is written down where nobody knows who it was: no user has an empty id. */
const stranger: User = { id: '', name: '' }

/** Somebody who was not let in. */
export interface RefusedLogin {
  user?: User
  /** The name that was asked for. */
  name?: string
  address: string
  code: string
}

/**
 * Tells refused logins to the audit, not more than so many a second: who tries a million names must not fill it. How many
 * were left out stands in the next entry.
 */
export function createRefusedLogins(
  clock: Clock,
  audit: (entries: readonly AuditEntry[]) => Promise<void>,
): (login: RefusedLogin) => void {
  let second = -1
  let told = 0
  let leftOut = 0
  return ({ user, name, ...detail }) => {
    const now = Math.floor(clock.monotonic() / 1000)
    if (now !== second) {
      second = now
      told = 0
    }
    if (told >= perSecond) {
      leftOut++
      return
    }
    told++
    const entry: AuditEntry = {
      actor: user ?? stranger,
      action: 'login.refused',
      detail: { ...detail, ...(name !== undefined && { name }), ...(leftOut > 0 && { leftOut }) },
    }
    leftOut = 0
    audit([entry]).catch(() => {}) // Counted where the database is asked.
  }
}
