import type { Clock } from '@rabble/clock'
import type { Database, WorkHealth } from '@rabble/database'
import type { EventLog } from '@rabble/event-log'
import type { ClockWatch, InternalTokens, Logger, Origins, Tokens } from '@rabble/service'
import type { HourlyLimits } from './audit/audit.ts'
import type { RoomsMetrics } from './metrics.ts'
import type { AnnouncementTimes } from './presence/announcements.ts'
import type { RoomChange } from './presence/presence.ts'
import type { LeaseTimes } from './seats/leases.ts'

export interface RoomsOptions {
  /** Log and database are the caller's to close, after the app. */
  log: Pick<EventLog, 'partitions' | 'publish' | 'read' | 'signal'>
  database: Database
  tokens: Pick<Tokens, 'sign' | 'signGuest' | 'verify'>
  /** What other services show. */
  internalTokens: Pick<InternalTokens, 'verify'>
  /** Compares the clock of the database with that of this process. */
  clocks: Pick<ClockWatch, 'compare'>
  metrics: RoomsMetrics
  logger: Logger
  /** Whether a room that nobody created appears when somebody joins it (`open`). */
  mode: 'open' | 'closed'
  /** Whether reading anything needs a token (`RABBLE_AUTH=jwt`). */
  requireToken?: boolean
  /** Origins besides the own one whose pages may act for who is signed in with a cookie. */
  allowedOrigins?: Origins
  /** Who may create rooms; `everybody` unless told. */
  roomCreation?: 'everybody' | 'moderators'
  /** What somebody who is no moderator may do within an hour. */
  hourlyLimits?: HourlyLimits
  /** Rooms that may appear within an hour because one user joins them, who is no moderator; default: 100. */
  appearingRoomsPerHour?: number
  /** Days for which the audit is kept; 365 unless told. */
  auditDays?: number
  /** How often one address may ask for a session in a minute; default: 300. */
  loginsPerMinute?: number
  /** Default: the machine's. Rates of requests from one address go by the machine's in any case. */
  clock?: Clock
  /** Whether no other process uses the database: then leases that are there at the start belong to nobody. */
  alone?: boolean
  /** Other than the usual ones, for tests. */
  leaseTimes?: Partial<LeaseTimes>
  announcementTimes?: AnnouncementTimes
  /** Milliseconds that the database may take for what is asked of it, other than usual, for tests. */
  deadline?: number
}

/** What each plugin of routes gets. */
export interface RoutesOptions extends Omit<RoomsOptions, 'log'> {
  log: Pick<EventLog, 'partitions' | 'publish' | 'signal'>
  clock: Clock
  /** Counts one act of an address. @throws RabbleError `rate-limited` */
  checkAddress: (address: string) => void
  /** Whether the tables are there. */
  migrated: () => boolean
  /** Knows whether the tables can be read and written. */
  health: WorkHealth
  /** Tells others what has changed, as `Notifier` does. */
  notify(changes: readonly RoomChange[]): void
}
