import type { Clock } from '@rabble/clock'
import type { User } from '@rabble/contract'
import type { AuditEntry } from '../api.ts'

/** Maximum number of entries per second. The others are only counted. */
const perSecond = 20

/** Actor of an entry if the user is unknown: no user has an empty id. */
const stranger: User = { id: '', name: '' }

/** A login that was refused. */
export interface RefusedLogin {
  user?: User
  /** Requested name. */
  name?: string
  address: string
  code: string
}

/**
 * Records refused logins in the audit, up to `perSecond` each second: a million attempts must not fill it. The next entry says
 * how many were left out.
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
    audit([entry]).catch(() => {}) // Counted where the database is used.
  }
}
