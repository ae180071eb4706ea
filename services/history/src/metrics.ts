import { type Clock, systemClock } from '@rabble/clock'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface HistoryMetrics {
  rows: Counter
  changes: Counter<'type'>
  ignoredChanges: Counter
  personal: Counter
  duplicates: Counter
  malformed: Counter
  skipped: Counter
  refused: Counter
  gaps: Counter
  recordedGaps: Gauge<'partition'>
  unindexed: Gauge
  roomsErrors: Counter
  policiesVersion: Gauge
  retired: Counter
  retentionPaused: Gauge<'partition'>
  leader: Gauge<'partition'>
  databaseErrors: Counter<'operation'>
  stepEvents: Histogram
  transactionSeconds: Histogram
  delaySeconds: Histogram
  querySeconds: Histogram<'query'>
  position: Gauge<'partition'>
  /**
   * Time since which the oldest message waits that was read from the log and is not in the database yet, by partition. Measured
   * by the clock's `monotonic`. After the loss of the lease: time since which no writer is known.
   */
  pending: Map<number, number>
  pendingEvents: Gauge<'partition'>
  /** Time since which the oldest event waits that the webhook was to get, by partition, as in `pending`. */
  webhookWaiting: Map<number, number>
  webhookEvents: Counter
  webhookFailures: Counter<'reason'>
  webhookGaps: Counter
  /** Time since which the oldest messages wait that are due for pushes, by partition, as in `pending`. */
  pushWaiting: Map<number, number>
  pushesPending: Gauge
  pushes: Counter
  pushFailures: Counter<'reason'>
  pushesGivenUp: Counter
  erasingErrors: Counter
  /**
   * Ends the metrics of a partition that this replica no longer writes. The lag is still reported until another replica is
   * known to write and to report it: while the database is down, no replica writes.
   */
  stepDown(partition: number): void
  /** Records that another replica writes the partition. */
  standBy(partition: number): void
}

/** Reasons why a request of the webhook is not accepted. */
export const webhookFailureReasons = ['connection', 'timeout', 'redirect', '4xx', '5xx'] as const

/** Reasons why a push service does not accept a push. */
export const pushFailureReasons = ['connection', 'timeout', 'redirect', 'gone', '429', '4xx', '5xx'] as const

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Creates the metrics. `clock` must be the clock that history uses. */
export function createMetrics(registry: Registry, clock: Clock = systemClock): HistoryMetrics {
  const registers = [registry]
  const pending = new Map<number, number>()
  const webhookWaiting = new Map<number, number>()
  const pushWaiting = new Map<number, number>()
  /** Returns the seconds since the earliest of these times; 0 if there is none. */
  const secondsSince = (times: ReadonlyMap<number, number>) => {
    const now = clock.monotonic()
    return (now - Math.min(now, ...times.values())) / 1000
  }
  new Gauge({
    name: 'rabble_history_lag_seconds',
    help: 'Age of the oldest message that was read from the log and is not in the database yet: the lag of the replica that writes; 0 if there is none. On a replica that has stopped writing it grows until the replica notices that another one writes.',
    registers,
    collect() {
      this.set(secondsSince(pending))
    },
  })
  const position = new Gauge({
    name: 'rabble_history_position',
    help: 'Offset of the last batch of the log that is in the database, by partition; reported by the replica that writes it.',
    labelNames: ['partition'],
    registers,
  })
  const pendingEvents = new Gauge({
    name: 'rabble_history_pending_events',
    help: 'Events that were read from the log and are not in the database yet. RabbitMQ does not report how many more it holds: see rabble_history_lag_seconds for a lag that lasts.',
    labelNames: ['partition'],
    registers,
  })
  const leader = new Gauge({
    name: 'rabble_history_leader',
    help: '1 if this replica writes the partition, 0 if not. Over all replicas the sum is 1; 0 for longer than 10 seconds is an outage.',
    labelNames: ['partition'],
    registers,
  })
  const recordedGaps = new Gauge({
    name: 'rabble_history_recorded_gaps',
    help: 'Number of places in the stored messages at which some may be missing (history.gaps); reported by the replica that writes the partition.',
    labelNames: ['partition'],
    registers,
  })
  const retentionPaused = new Gauge({
    name: 'rabble_history_retention_paused',
    help: '1 while no message is deleted for its age, since the clocks differ too much; reported by the replica that writes the partition.',
    labelNames: ['partition'],
    registers,
  })
  new Gauge({
    name: 'rabble_history_webhook_lag_seconds',
    help: 'Age of the oldest event that the receiver of the webhook has not accepted yet; 0 if there is none. Reported by the replica that writes its partition.',
    registers,
    collect() {
      this.set(secondsSince(webhookWaiting))
    },
  })
  new Gauge({
    name: 'rabble_history_push_lag_seconds',
    help: 'Time for which the oldest messages have waited to be pushed to browsers since they were due, 5 seconds after they were stored; 0 if there are none. Reported by the replica that writes their partition.',
    registers,
    collect() {
      this.set(secondsSince(pushWaiting))
    },
  })
  const metrics: HistoryMetrics = {
    pending,
    webhookWaiting,
    pushWaiting,
    position,
    pendingEvents,
    leader,
    recordedGaps,
    retentionPaused,
    stepDown(partition) {
      leader.set({ partition }, 0)
      if (!pending.has(partition)) pending.set(partition, clock.monotonic())
      for (const gauge of [position, pendingEvents, recordedGaps, retentionPaused]) {
        gauge.remove({ partition })
      }
    },
    standBy: (partition) => void pending.delete(partition),
    rows: new Counter({
      name: 'rabble_history_messages_total',
      help: 'Messages that were written to the database.',
      registers,
    }),
    changes: new Counter({
      name: 'rabble_history_changes_total',
      help: 'Edits, deletions and reactions that changed a message in the database, by type: edit, delete or reaction.',
      labelNames: ['type'],
      registers,
    }),
    ignoredChanges: new Counter({
      name: 'rabble_history_ignored_changes_total',
      help: 'Edits, deletions and reactions that changed nothing: of messages that are deleted, unknown, or of somebody else.',
      registers,
    }),
    personal: new Counter({
      name: 'rabble_history_personal_events_total',
      help: 'Events of users in conversations (memberships, read positions, mutes) and choices of what others may see that were applied.',
      registers,
    }),
    duplicates: new Counter({
      name: 'rabble_history_duplicates_total',
      help: 'Messages, edits and deletions that the log held more than once and that were already in the database.',
      registers,
    }),
    malformed: new Counter({
      name: 'rabble_history_malformed_events_total',
      help: 'Lines of the log that were malformed and were skipped.',
      registers,
    }),
    skipped: new Counter({
      name: 'rabble_history_skipped_events_total',
      help: 'Events of the log that are no messages, edits or deletions of a version that this history knows.',
      registers,
    }),
    refused: new Counter({
      name: 'rabble_history_refused_messages_total',
      help: 'Messages, edits and deletions that the database refused and that were set aside in history.refused.',
      registers,
    }),
    gaps: new Counter({
      name: 'rabble_history_log_gaps_total',
      help: 'Number of times that the log no longer had the events after the position, so that messages may be missing.',
      registers,
    }),
    databaseErrors: new Counter({
      name: 'rabble_history_database_errors_total',
      help: 'Failures of the database, by operation: migrate, ingest (also leadership and retention), index or read.',
      labelNames: ['operation'],
      registers,
    }),
    stepEvents: new Histogram({
      name: 'rabble_history_step_events',
      help: 'Events of the log in one transaction.',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
      registers,
    }),
    transactionSeconds: new Histogram({
      name: 'rabble_history_transaction_seconds',
      help: 'Time of a transaction that writes messages and position.',
      buckets: seconds,
      registers,
    }),
    delaySeconds: new Histogram({
      name: 'rabble_history_delay_seconds',
      help: 'Time from when a gateway accepted a message until it was in the database, for the oldest message of each transaction.',
      buckets: [...seconds, 30, 60, 300, 3600],
      registers,
    }),
    querySeconds: new Histogram({
      name: 'rabble_history_query_seconds',
      help: 'Time of a read, by kind.',
      labelNames: ['query'],
      buckets: seconds,
      registers,
    }),
    roomsErrors: new Counter({
      name: 'rabble_history_rooms_errors_total',
      help: 'Requests to the rooms service, for the retention of rooms and permissions to read them, that it did not answer.',
      registers,
    }),
    policiesVersion: new Gauge({
      name: 'rabble_history_policies_version',
      help: 'Version of the copy of bans and rules of rooms. If it differs from that of gateways for longer than a few seconds, this replica is cut off from rooms.',
      registers,
    }),
    unindexed: new Gauge({
      name: 'rabble_history_unindexed_events',
      help: 'Stored events that the search does not know yet. It grows while the log is busy, and falls afterwards; the same on all replicas.',
      registers,
    }),
    retired: new Counter({
      name: 'rabble_history_retired_messages_total',
      help: 'Messages that were deleted because history keeps messages only for a time, or only a number of them.',
      registers,
    }),
    webhookEvents: new Counter({
      name: 'rabble_history_webhook_events_total',
      help: 'Events that the receiver of the webhook accepted. After a failure some may be counted twice.',
      registers,
    }),
    webhookFailures: new Counter({
      name: 'rabble_history_webhook_failures_total',
      help: 'Requests that the receiver of the webhook did not accept, by reason: connection, timeout, redirect, 4xx or 5xx. Each is sent again.',
      labelNames: ['reason'],
      registers,
    }),
    webhookGaps: new Counter({
      name: 'rabble_history_webhook_gaps_total',
      help: 'Number of times that the log no longer had the next events for the webhook, so that some may be missing. Its receiver is told.',
      registers,
    }),
    pushesPending: new Gauge({
      name: 'rabble_history_pushes_pending',
      help: 'Pushes that wait for the answer of a push service, or for another attempt. Reported by the replica that writes their partition.',
      registers,
    }),
    pushes: new Counter({
      name: 'rabble_history_pushes_total',
      help: 'Pushes to browsers that a push service accepted. After a failure of history some may be counted twice.',
      registers,
    }),
    pushFailures: new Counter({
      name: 'rabble_history_push_failures_total',
      help: 'Pushes that a push service did not accept, by reason: connection, timeout, redirect, gone (the browser has ended its subscription, which is deleted), 429, 4xx or 5xx.',
      labelNames: ['reason'],
      registers,
    }),
    pushesGivenUp: new Counter({
      name: 'rabble_history_pushes_given_up_total',
      help: 'Pushes that were not accepted after all attempts, or were refused for good. Their messages are unread as before.',
      registers,
    }),
    erasingErrors: new Counter({
      name: 'rabble_history_erasing_errors_total',
      help: 'Attempts to erase users that failed, since the database, the log or rooms did not answer. Each is repeated.',
      registers,
    }),
  }
  // Alerts on growth would miss the first count of a series that does not start at 0.
  for (const operation of ['migrate', 'ingest', 'index', 'read']) metrics.databaseErrors.inc({ operation }, 0)
  for (const reason of webhookFailureReasons) metrics.webhookFailures.inc({ reason }, 0)
  for (const reason of pushFailureReasons) metrics.pushFailures.inc({ reason }, 0)
  return metrics
}
