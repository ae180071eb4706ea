import type { Clock } from '@rabble/clock'
import type { Database, WorkHealth } from '@rabble/database'
import type { EventLog } from '@rabble/event-log'
import type { ClockWatch, InternalTokens, Logger, Origins, Tokens } from '@rabble/service'
import type { HourlyLimits } from './audit/audit.ts'
import type { RoomsMetrics } from './metrics.ts'
import type { AnnouncementTimes } from './presence/announcements.ts'
import type { RoomChange } from './presence/presence.ts'
import type { LeaseTimes } from './seats/leases.ts'
import type { ProviderOptions } from './sign-in/options.ts'

export interface RoomsOptions {
  /** The caller closes log and database, after the app. */
  log: Pick<EventLog, 'partitions' | 'publish' | 'read' | 'signal'>
  database: Database
  tokens: Pick<Tokens, 'sign' | 'signGuest' | 'signSession' | 'verify'>
  /** Verifies the tokens of other services. */
  internalTokens: Pick<InternalTokens, 'verify'>
  /** Compares the clock of the database with that of this process. */
  clocks: Pick<ClockWatch, 'compare'>
  metrics: RoomsMetrics
  logger: Logger
  /** Whether a room that nobody created appears when somebody joins it (`open`). */
  mode: 'open' | 'closed'
  /** Whether reading anything needs a token (`RABBLE_AUTH=jwt`). */
  requireToken?: boolean
  /** Origins, besides the service's own, whose pages may act for a user who is signed in with a cookie. */
  allowedOrigins?: Origins
  /** Users who may create rooms. Default: `everybody`. */
  roomCreation?: 'everybody' | 'moderators'
  /** Limits per hour for a user who is not a moderator. Default: 20 rooms, 500 actions. */
  hourlyLimits?: HourlyLimits
  /** Maximum number of rooms per hour that may appear because one user, who is not a moderator, joins them. Default: 100. */
  appearingRoomsPerHour?: number
  /** Days for which the audit is kept. Default: 365. */
  auditDays?: number
  /** Maximum number of session requests per minute from one address. Default: 300. */
  loginsPerMinute?: number
  /** Days since its last use for which a guest's session, and with it the name, is kept. Default: 30. */
  guestDays?: number
  /** Maximum number of guests of one address that are kept so. Default: 2,000. */
  guestsPerAddress?: number
  /** Provider of accounts for the chat page. Default: none. */
  provider?: ProviderOptions
  /** Default: the system clock. */
  clock?: Clock
  /** Whether no other process uses the database. Leases that exist at the start then belong to nobody. */
  alone?: boolean
  /** Replace some of the default times, for tests. */
  leaseTimes?: Partial<LeaseTimes>
  announcementTimes?: AnnouncementTimes
  /** Time limit (ms) for all work in the database, for tests. Default: each kind of work has its own. */
  deadline?: number
}

/** Options of each plugin of routes. */
export interface RoutesOptions extends Omit<RoomsOptions, 'log'> {
  log: Pick<EventLog, 'partitions' | 'publish' | 'signal'>
  clock: Clock
  /** Counts one action of an address. @throws RabbleError `rate-limited` */
  checkAddress: (address: string) => void
  /** Whether the tables exist. */
  migrated: () => boolean
  /** Tracks whether the tables can be read and written. */
  health: WorkHealth
  /** Reports changes, as `Notifier` does. */
  notify(changes: readonly RoomChange[]): void
}
