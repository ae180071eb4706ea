import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import type { KickPolicy, Policy, RoomPolicy, RoomsClient, UserPolicy } from '@rabble/rooms/client'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/** How long (ms) to wait before asking again, at most. */
const longestPause = 2_000

/**
 * The gateway's copy of what isn't for everybody: rooms with rules, bans and mutes. It is asked for each join and each
 * message, and so is here, complete, and up to date within a second, whether the rooms service is there or not.
 */
export interface Policies {
  /** Whether the copy is complete; before, nobody may enter. */
  readonly loaded: boolean
  readonly version: number
  /** There is a version: what is newer than the copy is fetched. */
  announced(version: number): void
  /** What is special about a room. */
  room(name: string): RoomPolicy | undefined
  /** The ban that keeps a user out of a room or, without one, from connecting. */
  ban(user: string, room?: string): UserPolicy | undefined
  /** @throws RabbleError `unavailable` while nothing is known */
  checkLoaded(): void
  /**
   * Decides by what has been announced, and waits for that if it must.
   * @throws RabbleError `forbidden` if a ban keeps the user out; `unavailable` if that can't be found out now
   */
  checkEntry(user: string, room?: string): Promise<void>
  /** @throws RabbleError `forbidden` if the user may not write there now */
  checkVoice(user: string, room: string): void
  close(): void
}

export function copyPolicies(options: {
  rooms: Pick<RoomsClient, 'policies'>
  /** These are new: sessions may have to go. */
  changed: (fresh: readonly Policy[]) => void
  clock: Clock
  metrics: Metrics
  logger: Logger
}): Policies {
  const { rooms, changed, clock, metrics, logger } = options
  const stop = new AbortController()
  let copy = createCopy(clock)
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
      if (changes.reset) next = createCopy(clock)
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
    if (at < version) {
      const known = { known: version, found: at }
      logger.warn(known, 'rooms knows less than this gateway: its database was lost, or is an older one')
    }
    copy = next
    version = at
    metrics.policiesVersion.set(version)
    if (!loaded) logger.info({ version, entries: copy.size }, 'the policies of rooms and users are known')
    loaded = true
    changed(fresh.splice(0))
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
        if (failures++ === 0) logger.debug({ err: error }, 'the policies can not be fetched; trying again')
        const pause = Math.min(longestPause, 50 * 2 ** failures) * (0.5 + Math.random() / 2)
        await clock.sleep(pause, { signal: stop.signal })
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

  function checkLoaded(): void {
    if (!loaded) throw unknown('who may enter is not known yet')
  }

  return {
    get loaded() {
      return loaded
    },
    get version() {
      return version
    },
    announced,
    room: (name) => copy.room(name),
    ban: (user, room) => copy.find('ban', user, room),
    checkLoaded,
    async checkEntry(user, room) {
      while (fetching && !failing && !stop.signal.aborted) await attempt.catch(() => {})
      checkLoaded()
      // Who was put out a moment ago, by a signal, would come back by a copy that doesn't say why.
      if (failing) throw unknown('who may not enter is not known just now')
      const ban = copy.find('ban', user, room)
      if (ban !== undefined) throw new RabbleError('forbidden', banSentence(ban))
    },
    checkVoice(user, room) {
      const mute = copy.find('mute', user, room)
      if (mute !== undefined) throw new RabbleError('forbidden', sentence('this user may not write', mute))
    },
    close: () => stop.abort(),
  }
}

function unknown(message: string): RabbleError {
  return new RabbleError('unavailable', message, { retryAfter: 1000 })
}

/** What somebody who is banned is told. */
export function banSentence(ban: UserPolicy): string {
  return sentence('this user is banned', ban)
}

function sentence(rule: string, { room, expiresAt, reason }: UserPolicy): string {
  const where = room === undefined ? '' : ' in this room'
  const until = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString()}`
  return `${rule}${where}${until}${reason === undefined || reason === '' ? '' : `: ${reason}`}`
}

/** Policies by their keys, and by what they are asked for. */
function createCopy(clock: Clock) {
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
      const now = clock.now()
      for (const policy of users.get(user)?.values() ?? []) {
        const here = policy.kind === kind && (policy.room === undefined || policy.room === room)
        if (here && (policy.expiresAt ?? Number.POSITIVE_INFINITY) > now) return policy
      }
      return undefined
    },
  }
}
