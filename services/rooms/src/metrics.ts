import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Metrics of the rooms service. Every name is documented in docs/operations.md. */
export interface RoomsMetrics {
  leases: Gauge
  seats: Gauge
  users: Gauge
  takes: Counter<'result'>
  gives: Counter
  batchSeats: Histogram
  renewals: Counter<'result'>
  sweptLeases: Counter
  sweptSeats: Counter
  announcementErrors: Counter
  workSeconds: Histogram<'work'>
  databaseErrors: Counter<'work'>
  signIns: Counter<'result'>
  signInProviderUp: Gauge
  signInProviderErrors: Counter
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export function createMetrics(registry: Registry): RoomsMetrics {
  const registers = [registry]
  const metrics: RoomsMetrics = {
    leases: new Gauge({
      name: 'rabble_rooms_leases',
      help: 'Gateways that hold a lease. Every replica reports the same number, of all gateways.',
      registers,
    }),
    seats: new Gauge({
      name: 'rabble_rooms_seats',
      help: 'Seats that are taken: one for each room, user and gateway. Every replica reports the same number.',
      registers,
    }),
    users: new Gauge({
      name: 'rabble_rooms_users',
      help: 'Users in rooms, counted once in each room. Every replica reports the same number.',
      registers,
    }),
    takes: new Counter({
      name: 'rabble_rooms_takes_total',
      help: 'Seats that were asked for, by result: taken, or the code of the refusal.',
      labelNames: ['result'],
      registers,
    }),
    gives: new Counter({
      name: 'rabble_rooms_gives_total',
      help: 'Seats that gateways gave back.',
      registers,
    }),
    batchSeats: new Histogram({
      name: 'rabble_rooms_batch_seats',
      help: 'Seats that one transaction took and gave back.',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
      registers,
    }),
    renewals: new Counter({
      name: 'rabble_rooms_renewals_total',
      help: 'Leases that gateways renewed, by result: renewed, fresh (taken out), lost (they have to begin anew).',
      labelNames: ['result'],
      registers,
    }),
    sweptLeases: new Counter({
      name: 'rabble_rooms_swept_leases_total',
      help: 'Leases that ended because their gateway did not renew them.',
      registers,
    }),
    sweptSeats: new Counter({
      name: 'rabble_rooms_swept_seats_total',
      help: 'Seats that ended with such a lease.',
      registers,
    }),
    announcementErrors: new Counter({
      name: 'rabble_rooms_announcement_errors_total',
      help: 'Messages about joins and leaves that the log did not accept.',
      registers,
    }),
    workSeconds: new Histogram({
      name: 'rabble_rooms_work_seconds',
      help: 'Time until the database answered, by kind of work. It includes the time that the work waited.',
      labelNames: ['work'],
      buckets: seconds,
      registers,
    }),
    databaseErrors: new Counter({
      name: 'rabble_rooms_database_errors_total',
      help: 'Failures of the database, by operation.',
      labelNames: ['work'],
      registers,
    }),
    signIns: new Counter({
      name: 'rabble_rooms_sign_ins_total',
      help: 'Sign-ins with an account of the provider, by result: done, denied, expired, invalid, unavailable.',
      labelNames: ['result'],
      registers,
    }),
    signInProviderUp: new Gauge({
      name: 'rabble_rooms_sign_in_provider_up',
      help: '1 once the configuration of the provider of accounts was read; 0 before, and without a provider.',
      registers,
    }),
    signInProviderErrors: new Counter({
      name: 'rabble_rooms_sign_in_provider_errors_total',
      help: 'Failed attempts to read the configuration of the provider of accounts.',
      registers,
    }),
  }
  // Alerts on growth would miss the first count of a series that does not start at 0.
  for (const work of ['migrate', 'sweep', 'maintenance']) metrics.databaseErrors.inc({ work }, 0)
  return metrics
}
