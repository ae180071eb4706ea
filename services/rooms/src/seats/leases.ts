import type { Database } from '@rabble/database'
import { releaseGateway } from '../names/names.ts'
import { clearSeats } from '../presence/clear-seats.ts'
import type { RoomChange } from '../presence/presence.ts'
import type { RequestPlace } from './request-order.ts'

/** Times in milliseconds. */
export interface LeaseTimes {
  /** Time after which a lease ends if it is not renewed. */
  duration: number
  /** Time between two checks for expired leases. */
  sweep: number
  /**
   * Time during which no lease expires after the service started or reached its database again. Gateways could not renew their
   * leases before, and live gateways must keep their seats.
   */
  grace: number
}

export const defaultLeaseTimes: LeaseTimes = { duration: 15_000, sweep: 1_000, grace: 7_000 }

/** `ended`: there is no lease. `overtaken`: the gateway had given up the call before it arrived, so nothing was done. */
export type Held = 'held' | 'ended' | 'overtaken'

/**
 * Locks a gateway's lease until the transaction ends, so that nobody can end the lease, and records which calls of the gateway
 * are settled.
 */
export async function holdLease(
  query: Database['query'],
  gateway: string,
  place: RequestPlace,
): Promise<Held> {
  const held = await query(
    `update rooms.leases set settled = greatest(settled, $3)
     where gateway = $1 and isfinite(expires_at) and settled < $2 returning 1`,
    [gateway, place.order, place.settled],
  )
  if (held.length > 0) return 'held'
  const lease = await query('select 1 from rooms.leases where gateway = $1 and isfinite(expires_at)', [
    gateway,
  ])
  return lease.length > 0 ? 'overtaken' : 'ended'
}

/**
 * Renews a lease. Returns undefined if it had ended. `policies` is the version of the policies, `now` the time (ms since 1970).
 * `seen` identifies a moment: `changedCounts` finds all changes since then.
 */
export async function renewLease(
  query: Database['query'],
  gateway: string,
  duration: number,
): Promise<{ policies: number; now: number; seen: string } | undefined> {
  const [lease] = await query<{ policies: number; now: number; seen: string }>(
    `update rooms.leases set expires_at = now() + $2 * interval '1 ms'
     where gateway = $1 and isfinite(expires_at)
     returning (select version from rooms.policy_version) as policies,
       (extract(epoch from now()) * 1000)::bigint as now,
       pg_snapshot_xmin(pg_current_snapshot())::text as seen`,
    [gateway, duration],
  )
  return lease
}

/** Seats and users removed from a gateway. `done`: nothing of the gateway is left. */
export interface Cleared {
  seats: number
  changes: RoomChange[]
  done: boolean
}

/**
 * Takes out a lease without seats. Seats of the gateway's former lease are removed in as many transactions as they need. The
 * last one returns `done`; before it, the lease can't be used.
 */
export async function takeOutLease(
  query: Database['query'],
  gateway: string,
  place: RequestPlace,
  duration: number,
): Promise<Cleared | 'overtaken'> {
  // Waits for transactions that take seats under the former lease, and for those that end it.
  const mine = await query(
    `insert into rooms.leases as mine (gateway, expires_at, settled) values ($1, '-infinity', $3)
     on conflict (gateway) do update
       set expires_at = '-infinity', settled = greatest(mine.settled, excluded.settled)
       where mine.settled < $2
     returning 1`,
    [gateway, place.order, place.settled],
  )
  if (mine.length === 0) return 'overtaken'
  const cleared = await clearGateway(query, gateway)
  if (cleared.done) {
    await query(`update rooms.leases set expires_at = now() + $2 * interval '1 ms' where gateway = $1`, [
      gateway,
      duration,
    ])
  }
  return cleared
}

/** Marks a lease as ended: it can't be used or renewed any more, and is swept at once. */
export async function endLease(query: Database['query'], gateway: string): Promise<void> {
  await query(`update rooms.leases set expires_at = '-infinity' where gateway = $1`, [gateway])
}

/**
 * Removes what belongs to one ended lease, or a part of it. Returns undefined if there is none, or if others are sweeping all
 * of them. `expired`: include leases that were not renewed in time, not only those that were given back.
 */
export async function sweepLease(
  query: Database['query'],
  options: { expired: boolean },
): Promise<Cleared | undefined> {
  const [lease] = await query<{ gateway: string }>(
    `select gateway from rooms.leases where expires_at <= case when $1 then now() else '-infinity' end
     order by expires_at limit 1 for update skip locked`,
    [options.expired],
  )
  if (lease === undefined) return undefined
  const cleared = await clearGateway(query, lease.gateway)
  if (cleared.done) await query('delete from rooms.leases where gateway = $1', [lease.gateway])
  // Otherwise the gateway could renew the lease now and keep a part of its seats.
  else await endLease(query, lease.gateway)
  return cleared
}

/** Removes seats and, with the last of them, names. */
async function clearGateway(query: Database['query'], gateway: string): Promise<Cleared> {
  const cleared = await clearSeats(query, gateway)
  if (cleared.done) await releaseGateway(query, gateway)
  return cleared
}
