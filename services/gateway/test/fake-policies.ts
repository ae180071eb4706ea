import type { Policy, PolicyChanges, RoomPolicy } from '@rabble/rooms/client'

/** The policies of a rooms service, in memory. */
export interface FakePolicies {
  /** The newest version. */
  readonly version: number
  /** While true, each copy that is behind counts as too old. */
  forgetful: boolean
  /** Sets a policy, or removes it. */
  put(key: string, policy: Policy | null): void
  /** Returns what has changed since a version. */
  since(version: number): PolicyChanges
  /** Returns what gateways must know of a room; undefined if it is for everybody in any number. */
  rulesOf(room: string): RoomPolicy | undefined
  /** Tells whether a ban keeps a user out of a room. `now` is in milliseconds since 1970. */
  isBanned(user: string, room: string, now: number): boolean
}

export function createFakePolicies(): FakePolicies {
  /** By key, in the order of their versions. */
  const entries = new Map<string, { version: number; policy: Policy | null }>()
  let version = 0

  const policies: FakePolicies = {
    get version() {
      return version
    },
    forgetful: false,
    put(key, policy) {
      // Deleted first, so that it moves to the end.
      entries.delete(key)
      entries.set(key, { version: ++version, policy })
    },
    since(known) {
      const reset = known === 0 || known > version || (policies.forgetful && known < version)
      const changes = [...entries].filter(([, entry]) =>
        reset ? entry.policy !== null : entry.version > known,
      )
      return { version, reset, more: false, changes: changes.map(([key, { policy }]) => ({ key, policy })) }
    },
    rulesOf(room) {
      for (const { policy } of entries.values()) {
        if (policy?.kind === 'room' && policy.room === room) return policy
      }
      return undefined
    },
    isBanned(user, room, now) {
      return [...entries.values()].some(
        ({ policy }) =>
          policy?.kind === 'ban' &&
          policy.user === user &&
          (policy.room ?? room) === room &&
          (policy.expiresAt ?? Number.POSITIVE_INFINITY) > now,
      )
    },
  }
  return policies
}
