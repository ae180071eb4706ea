import type { Clock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { KickPolicy, Policy, RoomPolicy, RoomsClient, UserPolicy } from '../api.ts'

/** Pauses (ms) before rooms is asked again. */
const backoff = { first: 100, longest: 2_000 }

/**
 * Another service's copy of what isn't for everybody: rooms with rules, bans and mutes. It is asked for each join, message and
 * page, and so is there, complete, and up to date within a second, whether the rooms service answers or not.
 */
export interface PolicyCopy {
  /** Whether the copy is complete; before, nothing is known. */
  readonly loaded: boolean
  readonly version: number
  /** Whether the last attempt to fetch what is newer failed. */
  readonly failing: boolean
  /** There is a version: what is newer than the copy is fetched. */
  announced(version: number): void
  /** Fetches what is newer, if there is anything. */
  refresh(): void
  /** Resolves when the copy is as new as what was announced, or an attempt to make it so failed. */
  settled(): Promise<void>
  /** What is special about a room. */
  room(name: string): RoomPolicy | undefined
  /** The ban or mute of a user that holds now: in the room, or everywhere. */
  find(kind: UserPolicy['kind'], user: string, room?: string): UserPolicy | undefined
  close(): void
}

export function copyPolicies(options: {
  rooms: Pick<RoomsClient, 'policies'>
  observer: {
    /** The copy is up to date, with so many entries. These are new: sessions may have to go. */
    fetched(fresh: readonly Policy[], version: number, entries: number): void
    /** An attempt failed, so many in a row; there will be another. */
    failed(error: unknown, failures: number): void
  }
  /** The time by which bans and mutes end; default: the clock's. */
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
  /** The last attempt to fetch what was announced failed. */
  let failing = false
  let attempt = Promise.resolve()
  /** Not acted on yet, also over an attempt that fails halfway. */
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
        // The same again, from a copy that is made anew, must not happen to anybody twice.
        const known = JSON.stringify(copy.get(key)) === JSON.stringify(policy)
        next.put(key, policy)
        if (policy !== null && !known) fresh.push(policy)
      }
      // A page that brings nothing on would be asked for for ever.
      more = changes.more && changes.version > at
      at = changes.version
    }
    if (stop.signal.aborted) return
    copy = next
    version = at
    loaded = true
    observer.fetched(fresh.splice(0), version, copy.size)
  }

  /** Until the copy is as new as what was announced. */
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
    close: () => stop.abort(),
  }
}

/** Policies by their keys, and by what they are asked for. */
function createEntries(time: Pick<Clock, 'now'>) {
  const entries = new Map<string, Exclude<Policy, KickPolicy>>()
  const rooms = new Map<string, RoomPolicy>()
  /** By user, then by key. */
  const users = new Map<string, Map<string, UserPolicy>>()

  function drop(key: string): void {
    const old = entries.get(key)
    entries.delete(key)
    if (old?.kind === 'room') rooms.delete(old.room)
    else if (old !== undefined) {
      const own = users.get(old.user)
      own?.delete(key)
      if (own?.size === 0) users.delete(old.user)
    }
  }

  return {
    get size() {
      return entries.size
    },
    get: (key: string) => entries.get(key),
    put(key: string, policy: Exclude<Policy, KickPolicy> | null): void {
      drop(key)
      if (policy === null) return
      entries.set(key, policy)
      if (policy.kind === 'room') {
        rooms.set(policy.room, policy)
        return
      }
      const own = users.get(policy.user) ?? new Map<string, UserPolicy>()
      users.set(policy.user, own.set(key, policy))
    },
    room: (name: string) => rooms.get(name),
    /** What holds now: in the room, or everywhere. */
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
