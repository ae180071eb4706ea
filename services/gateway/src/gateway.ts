import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { type Clock, systemClock } from '@rabble/clock'
import { type Limits, RabbleError, type Signal } from '@rabble/contract'
import { knownSignal } from '@rabble/contract/parse'
import type { EventLog } from '@rabble/event-log'
import type { HistoryClient } from '@rabble/history/client'
import type { RoomsClient } from '@rabble/rooms/client'
import { createRates, isAllowedOrigin, type Logger, type Origins, type Tokens } from '@rabble/service'
import { createGatewayRegistry } from './cluster/gateway-registry.ts'
import { type Context, execute } from './commands/index.ts'
import type { PublishHost } from './external-publish/publishing.ts'
import { type DeliveryTimes, defaultDeliveryTimes, startDeliveryWatchdog } from './log/delivery-watchdog.ts'
import { createDuplicateFilter } from './log/duplicate-filter.ts'
import { followLog, lookBack } from './log/log-follower.ts'
import { createPublisher } from './log/publisher.ts'
import { createRepeatCheck, isFresh } from './log/repeat-check.ts'
import type { Metrics } from './metrics.ts'
import { createConversations } from './replay/conversations.ts'
import { createHistoryReplay } from './replay/history-replay.ts'
import { defaultHistoryTimes, type HistoryTimes } from './replay/history-times.ts'
import { createMessageLookup } from './replay/message-lookup.ts'
import { createReplayBudget } from './replay/replay-budget.ts'
import { createRoomBuffers } from './replay/room-buffers.ts'
import { watchHistory } from './replay/watched-history.ts'
import { connectRooms } from './rooms/index.ts'
import { createPresence } from './rooms/presence.ts'
import { CommandQueue } from './sessions/command-queue.ts'
import { type DrainTimes, drain } from './sessions/drain.ts'
import { startHeartbeat } from './sessions/heartbeat.ts'
import { createHub, type Hub } from './sessions/hub.ts'
import { limitLifetime } from './sessions/lifetime.ts'
import { Session } from './sessions/session.ts'
import type { SessionHost } from './transports/transport.ts'

/** How long (ms) who is not taken should wait; a proxy needn't. */
const comeBackAfter = 1_000
/** Milliseconds. */
const day = 24 * 60 * 60 * 1000
/** Ids of this many to twice as many events are kept to recognise repeated ones. */
const seenEvents = 100_000

export interface GatewayOptions {
  log: EventLog
  /** Where clients that were away for long are resumed from, and old messages are looked up. */
  history?: HistoryClient | undefined
  /** Who says who sits where over all gateways. Without it this gateway knows its own members only. */
  rooms?: RoomsClient | undefined
  /** Whether only rooms that were created can be joined. */
  createdRoomsOnly: boolean
  tokens: Tokens
  auth: 'guest' | 'jwt'
  limits: Limits
  /** Origins of pages that may connect, besides the gateway's own. */
  allowedOrigins: Origins
  /** Most connections at a time. */
  connections: number
  /** Milliseconds. */
  helloTimeout: number
  /** Milliseconds of silence after which a client is asked for a sign of life; after twice that time it is dropped. */
  heartbeat: number
  /** Milliseconds before whose end a client is asked to come back on another connection; a day unless told. */
  maxConnectionAge?: number
  recent: { perRoom: number; totalBytes: number }
  /** Bytes of replays that may be unread over all sessions. */
  replayBytes: number
  /** New guests that may come from one address within a minute. */
  loginsPerMinute: number
  /** Bytes of replays a second that one user may ask for. */
  replayBytesPerSecond: number
  /** Messages a second that one program may publish without a connection. */
  workerMessagesPerSecond: number
  /** How it is found out that nothing arrives; `defaultDeliveryTimes` unless told. */
  deliveryTimes?: DeliveryTimes
  /** How long history is waited for; `defaultHistoryTimes` unless told. */
  historyTimes?: HistoryTimes
  /** How long clients that are sent away may stay; `defaultDrainTimes` unless told. */
  drainTimes?: DrainTimes
  /** Default: the clock of the machine. */
  clock?: Clock
  metrics: Metrics
  logger: Logger
}

/** The core of a gateway: transports connect clients to it, and programs publish through it. */
export interface Gateway extends SessionHost, PublishHost {
  /** Returns why clients should use another gateway, or undefined. */
  unready(): string | undefined
  /** Begins to call other services. They may run in the same process, so they must be there. */
  start(): void
  /** Accepts no new clients and sends those that are there to other gateways, within `longest` milliseconds. */
  drain(longest: number): Promise<void>
  /** Closes all sessions and stops reading the log. */
  close(): Promise<void>
}

export function createGateway(options: GatewayOptions): Gateway {
  const { log, limits, clock = systemClock, metrics, logger } = options
  const id = `gateway-${randomBytes(6).toString('hex')}`
  const seen = createDuplicateFilter(seenEvents, clock, clock.monotonic() - lookBack)
  const recent = createRoomBuffers(options.recent, log.partitions)
  const publisher = createPublisher(log, seen, () => {
    metrics.published.inc()
    registry.published()
  })
  const hub: Hub = createHub({
    delivered(deliveries) {
      metrics.deliveries.inc(deliveries)
      registry.delivered(deliveries)
    },
    joined: (room, user) => (rooms?.seats ?? alone).seated(room, user),
    left: (room, user) => (rooms?.seats ?? alone).left(room, user),
  })
  const presence = createPresence({
    count: (room) => rooms?.count(room) ?? hub.count(room),
    notify(room, frame) {
      metrics.presenceFrames.inc()
      hub.notify(room, frame)
    },
    clock,
  })
  /** Where there is no rooms service, this gateway's comings and goings are all that there are. */
  const alone = { seated: presence.joined, left: presence.left }
  const rooms =
    options.rooms &&
    connectRooms({
      rooms: options.rooms,
      createdOnly: options.createdRoomsOnly,
      gateway: id,
      hub,
      presence,
      clock,
      metrics,
      logger,
    })
  const delivery = startDeliveryWatchdog({
    log,
    gateway: id,
    times: options.deliveryTimes ?? defaultDeliveryTimes,
    clock,
    metrics,
    logger,
  })
  const follower = followLog({
    log,
    gateway: id,
    recent,
    seen,
    publisher,
    hub,
    changed: (change) => historyReplay?.changed(change),
    arrived(partition, lag) {
      delivery.read(partition)
      if (lag !== undefined && follower.unready() === undefined) registry.late(lag)
    },
    clock,
    metrics,
    logger,
  })
  const registry = createGatewayRegistry({
    gateway: id,
    log,
    sessions: () => hub.sessions.size,
    state: () => (phase === 'open' ? (unready() === undefined ? 'ready' : 'unready') : phase),
    told: delivery.signalled,
    clock,
  })
  const { tokens } = options
  const history = options.history && watchHistory(options.history, { metrics, logger })
  const { position } = follower
  const times = options.historyTimes ?? defaultHistoryTimes
  const { timeout } = times
  const historyReplay = history && createHistoryReplay({ history, recent, position, timeout, clock, metrics })
  const lookup = createMessageLookup({ history, recent, position, times, clock, metrics })
  const repeats = createRepeatCheck({
    history,
    seen,
    needed: follower.unseen,
    timeout,
    clock,
    metrics,
  })
  const conversations = createConversations({
    history,
    positions: follower.positions,
    timeout,
    clock,
  })
  const replays = createReplayBudget({
    limit: options.replayBytes,
    perSecond: options.replayBytesPerSecond,
    clock,
  })
  const { loginsPerMinute } = options
  const newGuests = createRates({ perSecond: loginsPerMinute / 60, burst: loginsPerMinute }, clock)
  const context: Context = {
    id,
    limits,
    newGuests,
    auth: options.auth,
    hub,
    gateways: registry,
    rooms,
    recent,
    historyReplay,
    lookup,
    repeats,
    conversations,
    replays,
    publisher,
    log,
    tokens,
    clock,
    metrics,
    logger,
  }
  const queues = new WeakMap<Session, CommandQueue<string | undefined>>()
  /** Aborts when the last one has gone while this gateway drains. */
  const allGone = new AbortController()
  setMaxListeners(0, allGone.signal)
  let sessions = 0
  let phase: 'open' | 'draining' | 'stopped' = 'open'

  metrics.watch({
    waiting: () => log.status().waiting,
    recentBytes: () => recent.bytes,
    recentRooms: () => recent.rooms,
    replayBytes: () => replays.held,
  })
  const stopSignals = log.onSignal(onSignal)
  const stopWatching = startHeartbeat(hub.sessions, { ...options, clock }, (session) =>
    end(session, 'silent'),
  )
  const { maxConnectionAge: longest = day } = options
  const stopLimiting = limitLifetime(hub.sessions, { longest, clock })

  function onSignal(signal: Signal): void {
    const known = knownSignal(signal)
    if (known === undefined) return
    if (known.type === 'gateway') {
      if (known.gateway === id) delivery.heard()
      registry.heard(known)
      return
    }
    if (known.type !== 'typing') {
      rooms?.onSignal(known)
      return
    }
    const { room, user } = known
    if (!hub.reaches(room)) return
    hub.notify(room, Buffer.from(JSON.stringify({ type: 'typing', room, user })), user.id)
  }

  function end(session: Session, reason: string, inPeace = false): void {
    if (!hub.sessions.has(session)) return
    hub.remove(session)
    session.end()
    // Who comes back elsewhere keeps its name.
    if (session.user !== undefined) rooms?.names.gone(session.user, inPeace && !session.leaving)
    metrics.closed.inc({ reason: reason === 'client' && session.leaving ? 'reconnect' : reason })
    metrics.connections.dec({ transport: session.transport })
    if (phase === 'draining' && hub.sessions.size === 0) allGone.abort()
  }

  function unready(): string | undefined {
    if (phase !== 'open') return phase === 'draining' ? 'draining' : 'stopping'
    return follower.unready() ?? rooms?.unready() ?? delivery.unready()
  }

  return {
    id,
    limits,
    clock,
    refusal() {
      const why = unready()
      if (why === undefined && hub.sessions.size < options.connections) return undefined
      const reason = why === undefined ? 'full' : phase === 'open' ? 'unready' : phase
      metrics.refusedConnections.inc({ reason })
      return new RabbleError('unavailable', `this gateway takes no connections: ${why ?? 'it is full'}`, {
        retryAfter: comeBackAfter,
      })
    },
    open(connection, { origin, reached, ...known }) {
      if (!isAllowedOrigin(origin, reached, options.allowedOrigins)) {
        metrics.refusedConnections.inc({ reason: 'origin' })
        connection.close('policy', 'this origin is not allowed')
        return undefined
      }
      const { transport } = known
      const client = { id: `${id}-${++sessions}`, connection, ...known }
      const session = new Session(client, limits, { dirty: hub.dirty, ended: end }, clock)
      hub.add(session)
      queues.set(session, new CommandQueue((frame) => execute(context, session, frame), connection))
      metrics.connected.inc({ transport })
      metrics.connections.inc({ transport })
      return session
    },
    receive(session, frame) {
      session.heard()
      if (!session.closed) queues.get(session)?.put(frame)
    },
    publish: publisher.publish,
    checkRepeat({ cid, ...event }) {
      const named = cid !== undefined && !isFresh(cid, clock.now())
      return named ? repeats.check(event, 'perhaps', [`user:${event.from.id}`]) : undefined
    },
    start: () => rooms?.start(),
    async checkWriter(user, room) {
      await rooms?.policies.checkEntry(user, room)
      rooms?.policies.checkVoice(user, room)
    },
    audit: (entry) => rooms?.audit.record(entry),
    auditRefusal: (detail, user) => rooms?.audit.refused({ ...detail, gateway: id }, user),
    disconnected: (session, reason = 'client', inPeace = false) => end(session, reason, inPeace),
    unready,
    async drain(longest) {
      phase = 'draining'
      metrics.draining.set(1)
      registry.tell()
      await drain({
        sessions: hub.sessions,
        longest,
        times: options.drainTimes,
        allGone: allGone.signal,
        async settle(session) {
          await queues.get(session)?.rest()
          await publisher.settled()
        },
        clock,
        logger,
      })
    },
    get closed() {
      return phase === 'stopped'
    },
    async close() {
      phase = 'stopped'
      delivery.close()
      registry.close()
      stopWatching()
      stopLimiting()
      stopSignals()
      presence.close()
      rooms?.stop()
      for (const session of hub.sessions) session.close('goingAway', 'this gateway is stopping')
      await Promise.all([follower.stop(), rooms?.close()])
    },
  }
}
