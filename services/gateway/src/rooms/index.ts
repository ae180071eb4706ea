import type { Clock } from '@rabble/clock'
import { inTime } from '@rabble/clock/race'
import { type KickSignal, type KnownSignal, RabbleError } from '@rabble/contract'
import type { KickPolicy, RoomsClient } from '@rabble/rooms/client'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'
import type { Hub } from '../sessions/hub.ts'
import { type AuditTrail, createAuditTrail } from './audit-trail.ts'
import type { Counts } from './counts.ts'
import { keepLease } from './lease.ts'
import { createRoster, type Roster } from './members.ts'
import { createModeration } from './moderation.ts'
import { createNames, type Names } from './names.ts'
import { followPolicies, type Policies } from './policies.ts'
import type { Presence } from './presence.ts'
import { createSeats, type Seats } from './seats.ts'
import { createServiceTime } from './service-time.ts'

/** Maximum number of names in a reply to `members`. `count` is exact in larger rooms too. */
export const maxNames = 1_000
/** Maximum time (ms) of the last calls to the service, which end the lease and pass on the audit. */
const closeTimeout = 2_000

/** The gateway's side of the rooms service. */
export interface Rooms {
  readonly policies: Policies
  readonly seats: Seats
  readonly names: Names
  readonly roster: Roster
  readonly audit: AuditTrail
  /** Begins to call the service. */
  start(): void
  /** Takes a signal that the rooms service sends to all gateways. */
  onSignal(signal: Exclude<KnownSignal, { type: 'typing' | 'signal' | 'gateway' | 'people' }>): void
  /** Returns why clients should use another gateway, or undefined. */
  unready(): string | undefined
  /** Stops taking and releasing seats and names, which end with the lease. Call it before sessions are closed. */
  stop(): void
  close(): Promise<void>
}

export function connectRooms(options: {
  rooms: RoomsClient
  /** Whether only rooms that were created can be joined. */
  createdOnly: boolean
  gateway: string
  hub: Pick<Hub, 'leave' | 'members' | 'sessionsOf'>
  counts: Counts
  presence: Presence
  clock: Clock
  metrics: Metrics
  logger: Logger
}): Rooms {
  const { rooms, createdOnly, gateway, hub, counts, presence, clock, metrics, logger } = options
  const time = createServiceTime(clock)
  const moderation = createModeration(hub, time, clock)
  let leased = false
  const policies = followPolicies({
    rooms,
    changed(fresh) {
      for (const policy of fresh) {
        if (policy.kind === 'kick') kick(policy)
        else if (policy.kind === 'ban') moderation.ban([policy])
        else if (policy.kind === 'session') moderation.endSession(policy)
        else if (policy.kind === 'room' && policy.deleted) {
          moderation.clear(policy.room, 'room-not-found', 'the room was deleted')
        }
      }
    },
    time,
    clock,
    metrics,
    logger,
  })
  const lease = keepLease({
    rooms,
    gateway,
    observer: {
      fresh() {
        seats.forget()
        names.forget()
      },
      held() {
        leased = true
        seats.resume()
        names.resume()
      },
      down() {
        seats.failPending()
        names.failPending()
      },
      renewed(renewal) {
        time.told(renewal.now)
        for (const { room, count, version } of renewal.counts) counted(room, count, version)
        policies.announced(renewal.policies)
      },
    },
    clock,
    metrics,
    logger,
  })
  const names = createNames({
    rooms,
    gateway,
    lease,
    isThere({ id }) {
      for (const _ of hub.sessionsOf(id)) return true
      return false
    },
    lost: ({ id }, { message }) => moderation.disconnect(id, message),
    clock,
  })
  const seats = createSeats({
    rooms,
    gateway,
    lease,
    restricted(room) {
      const { capacity, inviteOnly, single } = policies.room(room) ?? {}
      return createdOnly || capacity !== undefined || inviteOnly === true || single === true
    },
    single: (room) => policies.room(room)?.single === true,
    counted: (room, { count, version }) => counted(room, count, version),
    roomEmpty: counts.forget,
    refused: (room, user, { refused, message }) => moderation.evict(user.id, room, refused, message),
    clock,
    metrics,
  })
  const roster = createRoster({ rooms, limit: maxNames, clock })
  const audit = createAuditTrail({ rooms, clock, metrics })
  metrics.watchRooms({ seats: seats.count, names: () => names.held })

  function kick(kick: KickSignal | KickPolicy): void {
    const { user, room, message } = kick
    if (moderation.kick(kick) && room !== undefined) {
      seats.revoke(room, user, new RabbleError('forbidden', message))
    }
  }

  function counted(room: string, count: number, version: number): void {
    if (seats.concern(room) && counts.observe(room, count, version)) presence.counted(room)
  }

  return {
    policies,
    seats,
    names,
    roster,
    audit,
    start() {
      policies.announced(0)
      lease.start()
    },
    onSignal(signal) {
      switch (signal.type) {
        case 'presence': {
          const { room, joined, left, count, version } = signal
          if (!seats.concern(room)) return
          for (const user of left) presence.left(room, user)
          for (const user of joined) presence.joined(room, user)
          counted(room, count, version)
          return
        }
        case 'policy':
          policies.announced(signal.version)
          return
        case 'kick':
          kick(signal)
          return
        default:
          signal satisfies never
      }
    },
    unready() {
      if (!policies.loaded) return 'the policies of rooms and users are not known yet'
      // One lease is enough: seats and names that are owed later are no reason to send clients away.
      return leased ? undefined : 'there is no lease at the rooms service yet'
    },
    stop() {
      seats.close()
      names.close()
      policies.close()
    },
    async close() {
      await inTime(Promise.all([lease.close(), audit.close()]), closeTimeout, clock)
    },
  }
}
