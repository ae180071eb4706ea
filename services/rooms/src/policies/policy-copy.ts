import type { Clock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { KickPolicy, Policy, RoomPolicy, RoomsClient, SessionPolicy, UserPolicy } from '../api.ts'

/** Pauses (ms) between attempts to ask the rooms service. */
const backoff = { first: 100, longest: 2_000 }

/**
 * Copy of the policies (rooms with rules, bans and mutes) in another service, which consults it for each join, message and
 * page. So it is local and complete, and up to date within a second, and it works while the rooms service does not answer.
 */
export interface PolicyCopy {
  /** Whether the copy is complete. Before, nothing is known. */
  readonly loaded: boolean
  readonly version: number
  /** Whether the last attempt to fetch changes failed. */
  readonly failing: boolean
  /** Reports the latest version. Fetches what is newer than the copy. */
  announced(version: number): void
  /** Fetches what is newer than the copy, if there is anything. */
  refresh(): void
  /** Resolves when the copy is as new as the reported version, or an attempt to fetch it failed. */
  settled(): Promise<void>
  /** Returns the policy of a room; undefined if there is none. */
  room(name: string): RoomPolicy | undefined
  /** Returns the ban or mute of a user that holds now, in the room or everywhere. */
  find(kind: UserPolicy['kind'], user: string, room?: string): UserPolicy | undefined
  /** Whether a session of a browser has ended while its tokens were still valid. */
  hasEnded(session: string): boolean
  close(): void
}

export function copyPolicies(options: {
  rooms: Pick<RoomsClient, 'policies'>
  observer: {
    /**
     * Called when the copy is up to date. `fresh`: new policies, for which sessions may have to end. `entries`: size of the
     * copy.
     */
    fetched(fresh: readonly Policy[], version: number, entries: number): void
    /** Called when an attempt failed, with the number of failures in a row. Another attempt follows. */
    failed(error: unknown, failures: number): void
  }
  /** Clock by which bans and mutes end. Default: `clock`. */
  time?: Pick<Clock, 'now'>
  clock: Clock
}): PolicyCopy {
  const { rooms, observer, clock, time = clock } = options
  const stop = new AbortController()
  let copy = createEntries(time)
  let version = 0
  let wanted = -1
  let loaded = false
  let fetching = false
  /** Whether the last attempt to fetch what was reported failed. */
  let failing = false
  let attempt = Promise.resolve()
  /** New policies that the observer has not received yet. They survive an attempt that fails halfway. */
  const fresh: Policy[] = []

  async function fetchOnce(): Promise<void> {
    let next = copy
    let at = version
    for (let more = true; more && !stop.signal.aborted; ) {
      const changes = await rooms.policies(at)
      // The old copy holds until the new one is complete.
      if (changes.reset) next = createEntries(time)
      for (const { key, policy } of changes.changes) {
        if (policy?.kind === 'kick') {
          fresh.push(policy)
          continue
        }
        // A copy that is loaded again must not repeat to the observer what it knew before.
        const known = JSON.stringify(copy.get(key)) === JSON.stringify(policy)
        next.put(key, policy)
        if (policy !== null && !known) fresh.push(policy)
      }
      // Otherwise a page without progress would be requested forever.
      more = changes.more && changes.version > at
      at = changes.version
    }
    if (stop.signal.aborted) return
    copy = next
    version = at
    loaded = true
    observer.fetched(fresh.splice(0), version, copy.size)
  }

  /** Fetches until the copy is as new as the reported version. */
  async function fetchAll(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; ) {
      try {
        const goal = wanted
        attempt = fetchOnce()
        await attempt
        failing = false
        if (wanted === goal) {
          fetching = false
          return
        }
        failures = 0
      } catch (error) {
        if (stop.signal.aborted) return
        failing = true
        observer.failed(error, ++failures)
        await clock.sleep(backoffDelay(backoff, failures), { signal: stop.signal })
      }
    }
  }

  function announced(newest: number): void {
    if (loaded && newest === version) return
    wanted = newest
    if (fetching) return
    fetching = true
    void fetchAll()
  }

  return {
    get loaded() {
      return loaded
    },
    get version() {
      return version
    },
    get failing() {
      return failing
    },
    announced,
    refresh() {
      if (!fetching) announced(version + 1)
    },
    async settled() {
      while (fetching && !failing && !stop.signal.aborted) await attempt.catch(() => {})
    },
    room: (name) => copy.room(name),
    find: (kind, user, room) => copy.find(kind, user, room),
    hasEnded: (session) => copy.hasEnded(session),
    close: () => stop.abort(),
  }
}

/** Stores policies by key, and for look-ups by room, by user and by session. */
function createEntries(time: Pick<Clock, 'now'>) {
  const entries = new Map<string, Exclude<Policy, KickPolicy>>()
  const rooms = new Map<string, RoomPolicy>()
  /** By user, then by key. */
  const users = new Map<string, Map<string, UserPolicy>>()
  /** By session, in the order of their arrival, which is about that of their expiry. */
  const sessions = new Map<string, { key: string; policy: SessionPolicy }>()

  function drop(key: string): void {
    const old = entries.get(key)
    entries.delete(key)
    if (old?.kind === 'room') rooms.delete(old.room)
    else if (old?.kind === 'session') sessions.delete(old.session)
    else if (old !== undefined) {
      const own = users.get(old.user)
      own?.delete(key)
      if (own?.size === 0) users.delete(old.user)
    }
  }

  /** Drops sessions whose tokens have expired: the service does not report that. */
  function dropExpired(): void {
    const now = time.now()
    for (const { key, policy } of sessions.values()) {
      if (policy.expiresAt > now) return
      drop(key)
    }
  }

  return {
    get size() {
      return entries.size
    },
    get: (key: string) => entries.get(key),
    put(key: string, policy: Exclude<Policy, KickPolicy> | null): void {
      drop(key)
      if (policy?.kind === 'session') dropExpired()
      if (policy === null || (policy.kind === 'session' && policy.expiresAt <= time.now())) return
      entries.set(key, policy)
      if (policy.kind === 'session') {
        sessions.set(policy.session, { key, policy })
        return
      }
      if (policy.kind === 'room') {
        rooms.set(policy.room, policy)
        return
      }
      const own = users.get(policy.user) ?? new Map<string, UserPolicy>()
      users.set(policy.user, own.set(key, policy))
    },
    room: (name: string) => rooms.get(name),
    hasEnded: (session: string) => sessions.has(session),
    /** Returns the ban or mute that holds now, in the room or everywhere. */
    find(kind: UserPolicy['kind'], user: string, room: string | undefined): UserPolicy | undefined {
      const now = time.now()
      for (const policy of users.get(user)?.values() ?? []) {
        const here = policy.kind === kind && (policy.room === undefined || policy.room === room)
        if (here && (policy.expiresAt ?? Number.POSITIVE_INFINITY) > now) return policy
      }
      return undefined
    },
  }
}
