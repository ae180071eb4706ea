import type { LogObserver } from '@rabble/event-log'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const beforePublishOutcomes = [
  ...['allowed', 'changed', 'refused'],
  ...['failed', 'timeout', 'invalid', 'skipped', 'busy'],
]

export type Metrics = ReturnType<typeof createMetrics>

/** Creates all metrics of a gateway in `registry`. Two gateways in one process need a registry each. */
export function createMetrics(registry: Registry) {
  const registers = [registry]
  let newest = 0
  const metrics = {
    connections: new Gauge({
      name: 'rabble_gateway_connections',
      help: 'Connections that are open now.',
      labelNames: ['transport'] as const,
      registers,
    }),
    connected: new Counter({
      name: 'rabble_gateway_connections_total',
      help: 'Connections that were accepted since the start.',
      labelNames: ['transport'] as const,
      registers,
    }),
    closed: new Counter({
      name: 'rabble_gateway_disconnections_total',
      help: 'Connections that ended, by reason: client, reconnect (the client went to another gateway when it was told to), or the reason of the gateway (tooSlow: the client read too slowly; restarting: the client was told to go and did not).',
      labelNames: ['reason'] as const,
      registers,
    }),
    refusedConnections: new Counter({
      name: 'rabble_gateway_connections_refused_total',
      help: 'Connections that were refused, by reason: origin, address, full, unready, draining, stopped.',
      labelNames: ['reason'] as const,
      registers,
    }),
    forwarded: new Counter({
      name: 'rabble_gateway_forwarded_requests_total',
      help: 'Requests for sessions of other gateways that were passed on, by result: answered, failed.',
      labelNames: ['transport', 'result'] as const,
      registers,
    }),
    draining: new Gauge({
      name: 'rabble_gateway_draining',
      help: '1 while this gateway stops and sends its clients to other gateways.',
      registers,
    }),
    stalled: new Counter({
      name: 'rabble_gateway_stalled_total',
      help: 'Number of reconnects because nothing arrived for ten seconds although all connections looked fine, by way: signals, log.',
      labelNames: ['way'] as const,
      registers,
    }),
    frames: new Counter({
      name: 'rabble_gateway_frames_received_total',
      help: 'Valid frames that clients sent, by type.',
      labelNames: ['type'] as const,
      registers,
    }),
    refused: new Counter({
      name: 'rabble_gateway_frames_refused_total',
      help: 'Frames that were answered with an error, by its code.',
      labelNames: ['code'] as const,
      registers,
    }),
    deliveries: new Counter({
      name: 'rabble_gateway_deliveries_total',
      help: 'Frames that were fanned out to sessions: one for each event and member.',
      registers,
    }),
    repeated: new Counter({
      name: 'rabble_gateway_repeated_events_total',
      help: 'Events that the log holds more than once (a retried publish) and that were delivered once.',
      registers,
    }),
    joins: new Counter({
      name: 'rabble_gateway_joins_total',
      help: 'Joins, by kind (new, resumed) and whether everything that was asked for could be replayed (hit) or not (miss).',
      labelNames: ['kind', 'recent'] as const,
      registers,
    }),
    historyQuestions: new Counter({
      name: 'rabble_gateway_history_requests_total',
      help: 'Requests to history for clients that were away for long. Clients that come back to a room at the same time share one.',
      registers,
    }),
    lookups: new Counter({
      name: 'rabble_gateway_lookups_total',
      help: 'Requests to history for a message that a user wants to change and that is not among the recent ones.',
      registers,
    }),
    repeatsChecked: new Counter({
      name: 'rabble_gateway_repeats_checked_total',
      help: 'Events that may repeat one that the gateway no longer remembers, by the answer of history: stored, new, or unchecked if there was none.',
      labelNames: ['result'] as const,
      registers,
    }),
    historyErrors: new Counter({
      name: 'rabble_gateway_history_errors_total',
      help: 'Requests that history did not answer.',
      registers,
    }),
    wordFilter: new Counter({
      name: 'rabble_gateway_word_filter_total',
      help: 'Messages and edits with a blocked word, by what was done: mask or refuse.',
      labelNames: ['action'] as const,
      registers,
    }),
    beforePublish: new Counter({
      name: 'rabble_gateway_before_publish_total',
      help: 'Messages and edits about which the before-publish hook was to be asked, by outcome: allowed, changed, refused; without a valid answer: failed (no connection), timeout, invalid, skipped (not asked, since it does not answer), busy (too many wait).',
      labelNames: ['outcome'] as const,
      registers,
    }),
    beforePublishSeconds: new Histogram({
      name: 'rabble_gateway_before_publish_seconds',
      help: 'Time until the before-publish hook answered, or its time limit.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    acknowledged: new Histogram({
      name: 'rabble_gateway_send_seconds',
      help: 'Time from publishing a message, an edit or a deletion to its acknowledgement.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    confirm: new Histogram({
      name: 'rabble_gateway_publish_seconds',
      help: 'Time from handing a batch to the log until it was confirmed.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    published: new Counter({
      name: 'rabble_gateway_published_events_total',
      help: 'Messages, edits and deletions that the log confirmed.',
      registers,
    }),
    publishedBytes: new Counter({
      name: 'rabble_gateway_published_bytes_total',
      help: 'Bytes of events that the log confirmed.',
      registers,
    }),
    publishRetries: new Counter({
      name: 'rabble_gateway_publish_retries_total',
      help: 'Events that were sent to the log again because their confirm was lost or refused.',
      registers,
    }),
    publishContradicted: new Counter({
      name: 'rabble_gateway_publish_contradicted_total',
      help: 'Events that the broker refused although the log has them: another queue of the exchange is full and refuses (x-overflow: reject-publish).',
      registers,
    }),
    publishRefused: new Counter({
      name: 'rabble_gateway_publish_refused_total',
      help: 'Events that were answered with unavailable, by reason: full, timeout, closed.',
      labelNames: ['reason'] as const,
      registers,
    }),
    workerPublishes: new Counter({
      name: 'rabble_gateway_worker_publishes_total',
      help: 'Messages and notifications of programs without a connection, by way (http, amqp) and result: published, or the error code.',
      labelNames: ['way', 'result'] as const,
      registers,
    }),
    queueActive: new Gauge({
      name: 'rabble_gateway_queue_active',
      help: '1 while this gateway takes notifications from the queue. Over all gateways the sum is 1; 0 for longer than 30 seconds is an outage.',
      registers,
    }),
    queueRedelivered: new Counter({
      name: 'rabble_gateway_queue_redelivered_total',
      help: 'Notifications that the queue delivered again, because the gateway that took them first may not have published them.',
      registers,
    }),
    queueRejected: new Counter({
      name: 'rabble_gateway_queue_rejected_total',
      help: 'Notifications of the queue that were invalid and were put into the queue of rejected ones.',
      registers,
    }),
    presenceFrames: new Counter({
      name: 'rabble_gateway_presence_frames_total',
      help: 'Frames that tell the members of a room about joins and leaves, each counted once for all members.',
      registers,
    }),
    roomsUp: new Gauge({
      name: 'rabble_gateway_rooms_up',
      help: '1 while the rooms service answers; also 0 where there is none.',
      registers,
    }),
    roomsRequests: new Counter({
      name: 'rabble_gateway_rooms_requests_total',
      help: 'Calls to the rooms service for leases, seats and names, by call and result (ok, failed).',
      labelNames: ['call', 'result'] as const,
      registers,
    }),
    seatBatch: new Histogram({
      name: 'rabble_gateway_seat_batch_seats',
      help: 'Seats that one call took or gave back.',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
      registers,
    }),
    leasesLost: new Counter({
      name: 'rabble_gateway_leases_lost_total',
      help: 'Number of times that the lease at the rooms service had ended, so that all seats were taken again.',
      registers,
    }),
    policiesVersion: new Gauge({
      name: 'rabble_gateway_policies_version',
      help: 'Version of the copy of bans, mutes and rules of rooms. If gateways differ for longer than a few seconds, one is cut off.',
      registers,
    }),
    auditDropped: new Counter({
      name: 'rabble_gateway_audit_dropped_total',
      help: 'Entries of the audit that were left out: too many logins were refused, or the rooms service was away for long or could not keep up with what programs published.',
      registers,
    }),
    logConnected: new Gauge({
      name: 'rabble_gateway_log_connected',
      help: '1 while the connection to the log is up, by its role (publish, read, work: the queue of notifications).',
      labelNames: ['role'] as const,
      registers,
    }),
    logConnectionLosses: new Counter({
      name: 'rabble_gateway_log_connection_losses_total',
      help: 'Number of times that a connection to the log was lost, by its role.',
      labelNames: ['role'] as const,
      registers,
    }),
    malformed: new Counter({
      name: 'rabble_gateway_malformed_events_total',
      help: 'Lines of the log that were malformed and were skipped.',
      registers,
    }),
    malformedSignals: new Counter({
      name: 'rabble_gateway_malformed_signals_total',
      help: 'Signals that were malformed and were skipped.',
      registers,
    }),
    gaps: new Counter({
      name: 'rabble_gateway_log_gaps_total',
      help: 'Number of times that reading the log could not go on where it had stopped.',
      registers,
    }),
    /** Sets the lag. `lag`: age (ms) of the last event that was read. */
    observeLag(lag: number): void {
      newest = Math.max(0, lag) / 1000
    },
    /** Adds the gauges of a gateway with a rooms service. They are read at each scrape. */
    watchRooms(read: { seats(): { held: number; owed: number }; names(): number }): void {
      new Gauge({
        name: 'rabble_gateway_seats',
        help: 'Users in rooms through this gateway, by state: held, or owed if the rooms service has not been told yet.',
        labelNames: ['state'] as const,
        registers,
        collect() {
          const { held, owed } = read.seats()
          this.set({ state: 'held' }, held)
          this.set({ state: 'owed' }, owed)
        },
      })
      new Gauge({
        name: 'rabble_gateway_names',
        help: 'Users here whose names are held: guests and, where these may enter, accounts.',
        registers,
        collect() {
          this.set(read.names())
        },
      })
    },
    /** Adds gauges that are read at each scrape. */
    watch(read: {
      waiting(): number
      recentBytes(): number
      recentRooms(): number
      replayBytes(): number
      watchedRooms(): number
      conversationsWaiting(): number
      followedReceipts(): number
      followedPeople(): number
    }): void {
      new Gauge({
        name: 'rabble_gateway_publish_waiting',
        help: 'Events that wait for the log to confirm them.',
        registers,
        collect() {
          this.set(read.waiting())
        },
      })
      new Gauge({
        name: 'rabble_gateway_recent_bytes',
        help: 'Bytes of recent events in memory.',
        registers,
        collect() {
          this.set(read.recentBytes())
        },
      })
      new Gauge({
        name: 'rabble_gateway_recent_rooms',
        help: 'Rooms with recent events in memory.',
        registers,
        collect() {
          this.set(read.recentRooms())
        },
      })
      new Gauge({
        name: 'rabble_gateway_replay_bytes',
        help: 'Bytes of large replays that clients have not read yet.',
        registers,
        collect() {
          this.set(read.replayBytes())
        },
      })
      new Gauge({
        name: 'rabble_gateway_watched_rooms',
        help: 'Rooms of users who watch their conversations, each room once for each user.',
        registers,
        collect() {
          this.set(read.watchedRooms())
        },
      })
      new Gauge({
        name: 'rabble_gateway_conversations_waiting',
        help: 'Rooms and conversations that have changed and of which history is to tell the new state. It grows while history lags.',
        registers,
        collect() {
          this.set(read.conversationsWaiting())
        },
      })
      new Gauge({
        name: 'rabble_gateway_followed_receipts',
        help: 'Conversations whose read positions sessions follow, each once for each session.',
        registers,
        collect() {
          this.set(read.followedReceipts())
        },
      })
      new Gauge({
        name: 'rabble_gateway_followed_people',
        help: 'Users whose presence sessions follow, each once for each session.',
        registers,
        collect() {
          this.set(read.followedPeople())
        },
      })
    },
  }
  // A series that first appears with the value 1 has never increased, so alerts would miss its first count.
  metrics.closed.inc({ reason: 'tooSlow' }, 0)
  for (const reason of ['full', 'unready']) metrics.refusedConnections.inc({ reason }, 0)
  for (const action of ['mask', 'refuse']) metrics.wordFilter.inc({ action }, 0)
  for (const outcome of beforePublishOutcomes) metrics.beforePublish.inc({ outcome }, 0)
  for (const way of ['signals', 'log']) metrics.stalled.inc({ way }, 0)
  for (const reason of ['full', 'timeout', 'closed']) metrics.publishRefused.inc({ reason }, 0)
  new Gauge({
    name: 'rabble_gateway_log_lag_seconds',
    help: 'Age of the newest event when this gateway read it. Needs synchronised clocks.',
    registers,
    collect() {
      this.set(newest)
    },
  })
  return metrics
}

/** Feeds a log's observations into the metrics. */
export function observeLog(metrics: Metrics): LogObserver {
  return {
    confirmed(seconds, _events, bytes) {
      metrics.confirm.observe(seconds)
      metrics.publishedBytes.inc(bytes)
    },
    retried: (events) => metrics.publishRetries.inc(events),
    contradicted: (events) => metrics.publishContradicted.inc(events),
    refused: (events, reason) => metrics.publishRefused.inc({ reason }, events),
    connection(role, up) {
      metrics.logConnected.set({ role }, up ? 1 : 0)
      if (!up) metrics.logConnectionLosses.inc({ role })
    },
    malformed: () => metrics.malformed.inc(),
    malformedSignal: () => metrics.malformedSignals.inc(),
    gap: () => metrics.gaps.inc(),
  }
}
