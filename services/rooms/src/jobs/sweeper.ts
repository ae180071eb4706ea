import { retried } from '@rabble/database'
import { retryLogged } from '@rabble/service'
import type { RoutesOptions } from '../options.ts'
import { forgetEmpty } from '../presence/presence.ts'
import { defaultLeaseTimes, sweepLease } from '../seats/leases.ts'

/** Maximum number of empty rooms whose counts are deleted in one transaction. */
const forgottenAtOnce = 1000
/** Time (ms) between two counts of leases, seats and users. */
const countPause = 10_000

/**
 * Ends leases that are not renewed: removes their seats and reports the users who left. Every replica does this. Only one
 * replica at a time handles an ended lease.
 */
export function startSweeper(options: RoutesOptions): { close(): Promise<void> } {
  const { clock, database, metrics, logger, health, notify } = options
  const times = { ...defaultLeaseTimes, ...options.leaseTimes }
  const stop = new AbortController()
  const { signal } = stop
  let graceUntil = clock.monotonic() + times.grace
  let nextCount = 0

  async function sweep(): Promise<void> {
    let leases = 0
    let seats = 0
    while (!signal.aborted) {
      const expired = clock.monotonic() >= graceUntil
      const swept = await retried(clock, signal, () =>
        database.transaction((query) => sweepLease(query, { expired })),
      )
      if (swept === undefined) break
      notify(swept.changes)
      metrics.sweptSeats.inc(swept.seats)
      seats += swept.seats
      if (!swept.done) continue
      metrics.sweptLeases.inc()
      leases++
    }
    if (leases > 0) logger.info({ leases, seats }, 'leases have ended')
  }

  async function count(): Promise<void> {
    if (clock.monotonic() < nextCount) return
    nextCount = clock.monotonic() + countPause
    await database.transaction((query) => forgetEmpty(query, forgottenAtOnce))
    const [row] = await database.query<{ leases: number; seats: number; users: number }>(
      `select (select count(*) from rooms.leases where isfinite(expires_at)) as leases,
         (select count(*) from rooms.seats) as seats,
         (select coalesce(sum(users), 0)::bigint from rooms.presence) as users`,
      [],
    )
    metrics.leases.set(row?.leases ?? 0)
    metrics.seats.set(row?.seats ?? 0)
    metrics.users.set(row?.users ?? 0)
  }

  async function round(): Promise<void> {
    await sweep()
    await count()
    health.ended('ending leases')
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await retryLogged(round, retrying)
      // Replicas should not all sweep at the same moment.
      await clock.sleep(times.sweep * (0.75 + Math.random() / 2), { signal })
    }
  }

  const retrying = {
    clock,
    signal,
    logger,
    doing: 'ending leases',
    backoff: { first: times.sweep, longest: times.sweep },
    failed(error: unknown) {
      metrics.databaseErrors.inc({ work: 'sweep' })
      health.ended('ending leases', error)
      // Gateways could not renew their leases either: live gateways get time to do so.
      graceUntil = clock.monotonic() + times.grace
    },
  }
  // Rejects only after the abort: `retryLogged` gives up for no other reason.
  const running = run().catch(() => {})
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}
