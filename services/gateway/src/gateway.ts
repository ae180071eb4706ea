import { type Clock, systemClock } from '@rabble/clock'
import type { Limits, User } from '@rabble/contract'
import { knownSignal } from '@rabble/contract/parse'
import type { EventLog } from '@rabble/event-log'
import type { HistoryClient } from '@rabble/history/client'
import type { RoomsClient } from '@rabble/rooms/client'
import { createRates, type Logger, type Origins, type Tokens, type Tracing } from '@rabble/service'
import { type BeforePublishOptions, createBeforePublish } from './before-publish/before-publish.ts'
import { newGatewayId } from './cluster/gateway-id.ts'
import { createGatewayRegistry } from './cluster/gateway-registry.ts'
import type { RouteHost } from './cluster/public-route.ts'
import { createTraffic } from './cluster/traffic.ts'
import { type CommandParts, execute } from './commands/index.ts'
import { acceptConnections, type Phase } from './connections.ts'
import { createConversations } from './conversations/direct-rooms.ts'
import { createConversationList } from './conversations/list.ts'
import { createMemberships } from './conversations/memberships.ts'
import { createConversationNews } from './conversations/news.ts'
import { createPeople } from './conversations/people.ts'
import { createReceipts } from './conversations/receipts.ts'
import { createWatchers } from './conversations/watchers.ts'
import type { PublishHost } from './external-publish/publishing.ts'
import { type DeliveryTimes, defaultDeliveryTimes, startDeliveryWatchdog } from './log/delivery-watchdog.ts'
import { createDuplicateFilter } from './log/duplicate-filter.ts'
import { followLog, lookBack } from './log/log-follower.ts'
import { createLogPositions } from './log/log-positions.ts'
import { createPublisher } from './log/publisher.ts'
import { createRepeatCheck, isFresh } from './log/repeat-check.ts'
import { createWordFilter, type WordFilterOptions } from './messages/word-filter.ts'
import type { Metrics } from './metrics.ts'
import { createHistoryReplay } from './replay/history-replay.ts'
import { defaultHistoryTimes, type HistoryTimes } from './replay/history-times.ts'
import { createMessageLookup } from './replay/message-lookup.ts'
import { createReactionRevisions } from './replay/reaction-revisions.ts'
import { createReplayBudget } from './replay/replay-budget.ts'
import { createRoomBuffers } from './replay/room-buffers.ts'
import { watchHistory } from './replay/watched-history.ts'
import { createCounts } from './rooms/counts.ts'
import { connectRooms } from './rooms/index.ts'
import { memberHere } from './rooms/members-here.ts'
import { createPresence } from './rooms/presence.ts'
import type { DrainTimes } from './sessions/drain.ts'
import { createHub } from './sessions/hub.ts'
import type { SessionHost } from './transports/transport.ts'

/** Minimum number of event ids that are kept to recognise repeated events. The maximum is twice as many. */
const seenEvents = 100_000

export interface GatewayOptions {
  /** Default: a new one of the name `gateway`. */
  id?: string
  log: EventLog
  /** The history service. It resumes clients that were away for long, and finds old messages. */
  history?: HistoryClient | undefined
  /** The rooms service, which knows the members of rooms over all gateways. Without it this gateway knows only its own. */
  rooms?: RoomsClient | undefined
  /** Whether only rooms that were created can be joined. */
  createdRoomsOnly: boolean
  /** Room of clients whose protocol has none. Default: `general`. */
  lobby?: string
  tokens: Tokens
  auth: 'guest' | 'jwt'
  limits: Limits
  /** Origins of pages that may connect, besides the gateway's own. */
  allowedOrigins: Origins
  /** Maximum number of concurrent connections. */
  connections: number
  /** Time (ms) in which a client must say hello. */
  helloTimeout: number
  /** Silence (ms) after which a client is pinged. After twice that time the connection is dropped. */
  heartbeat: number
  /** Maximum age (ms) of a connection. Before that, the client is asked to reconnect. Default: 1 day. */
  maxConnectionAge?: number
  /** Whether WebSockets are compressed for clients that ask for it. Default: false. */
  compression?: boolean
  recent: { perRoom: number; totalBytes: number }
  /** Maximum size (bytes) of replays that are unread, over all sessions. */
  replayBytes: number
  /** Maximum number of new guests from one address within a minute. */
  loginsPerMinute: number
  /** Maximum rate (bytes a second) of replays for one user. */
  replayBytesPerSecond: number
  /** Maximum rate (messages a second) at which one program may publish without a connection. */
  workerMessagesPerSecond: number
  /** Program that is asked before messages and edits of users are published. Default: none. */
  beforePublish?: BeforePublishOptions | undefined
  /** Words that users can't write. Default: none. */
  wordFilter?: WordFilterOptions | undefined
  /** Returns where other gateways reach this one, once it listens. Default: they don't. */
  url?: (() => string | undefined) | undefined
  /** Public WebSocket of this gateway alone, such as `wss://g1.chat.example/ws`. Default: it has none. */
  publicUrl?: string | undefined
  /** Default: `defaultDeliveryTimes`. */
  deliveryTimes?: DeliveryTimes
  /** Default: `defaultHistoryTimes`. */
  historyTimes?: HistoryTimes
  /** Default: `defaultDrainTimes`. */
  drainTimes?: DrainTimes
  /** Default: the clock of the machine. */
  clock?: Clock
  metrics: Metrics
  logger: Logger
  /** Default: nothing is traced. */
  tracing?: Tracing | undefined
}

/** The core of a gateway: transports connect clients to it, and programs publish through it. */
export interface Gateway extends SessionHost, PublishHost, RouteHost {
  /** Returns why clients should use another gateway, or undefined. */
  unready(): string | undefined
  /** Begins to call other services. Those in the same process must be registered by then. */
  start(): void
  /** Accepts no new clients and, over at most `longest` (ms), sends the connected ones to other gateways. */
  drain(longest: number): Promise<void>
  /** Closes all sessions and stops reading the log. */
  close(): Promise<void>
}

/**
 * Composes a gateway in layers, from the bottom up: each part takes the parts below it. A lower layer reaches a higher one only
 * by a subscription, which is made once both exist.
 */
export function createGateway(options: GatewayOptions): Gateway {
  const {
    id = newGatewayId('gateway'),
    log,
    limits,
    tokens,
    clock = systemClock,
    metrics,
    logger,
    tracing,
  } = options
  const common = { clock, metrics, logger, tracing }

  // Memory of this gateway, and its counters.
  const seen = createDuplicateFilter(seenEvents, clock, clock.monotonic() - lookBack)
  const recent = createRoomBuffers(options.recent, log.partitions)
  const positions = createLogPositions(log.partitions)
  const traffic = createTraffic()

  // Sessions.
  const hub = createHub((deliveries) => {
    metrics.deliveries.inc(deliveries)
    traffic.delivered(deliveries)
  })

  // Replays of events that are no longer in memory.
  const history = options.history && watchHistory(options.history, { metrics, logger })
  const times = options.historyTimes ?? defaultHistoryTimes
  const { timeout } = times
  const position = positions.of
  const historyReplay = history && createHistoryReplay({ history, recent, position, timeout, clock, metrics })
  const lookup = createMessageLookup({ history, recent, position, times, clock, metrics })
  const revisions = createReactionRevisions({ history, recent, position, timeout, clock })
  const conversations = createConversations({ history, positions: positions.all, timeout, clock })
  const watchers = createWatchers()
  const memberships = createMemberships({ gateway: id, isKept: history !== undefined, log, clock })
  const news = createConversationNews({ history, hub, watchers, memberships, clock })
  const conversationList = createConversationList({
    history,
    watchers,
    news,
    positions: positions.all,
    partitions: log.partitions,
    timeout,
    clock,
  })
  const receipts = createReceipts({
    history,
    hub,
    memberships,
    allowed: (room) => rooms?.policies.room(room)?.receipts !== false,
    positions: positions.all,
    partitions: log.partitions,
    limit: limits.roomsPerSession,
    timeout,
    clock,
  })
  const replays = createReplayBudget({
    limit: options.replayBytes,
    perSecond: options.replayBytesPerSecond,
    clock,
  })

  // The log.
  const publisher = createPublisher({
    log,
    seen,
    confirmed() {
      metrics.published.inc()
      traffic.published()
    },
    tracing,
  })
  const watchdog = startDeliveryWatchdog({
    log,
    gateway: id,
    times: options.deliveryTimes ?? defaultDeliveryTimes,
    ...common,
  })
  const follower = followLog({
    log,
    gateway: id,
    recent,
    seen,
    positions,
    publisher,
    hub,
    changed(change) {
      if (change.type === 'reaction') revisions.arrived(change)
      else historyReplay?.changed(change)
    },
    conversed(event, partition, offset) {
      news.take(event, partition, offset)
      receipts.take(event, partition, offset)
      people.take(event, partition, offset)
    },
    arrived(partition, lag) {
      watchdog.read(partition)
      if (lag !== undefined) traffic.late(lag)
    },
    ...common,
  })
  const repeats = createRepeatCheck({ history, seen, needed: follower.unseen, timeout, clock, metrics })

  // Filters of the operator.
  const wordFilter = options.wordFilter && createWordFilter(options.wordFilter, metrics)
  const beforePublish =
    options.beforePublish && createBeforePublish({ ...options.beforePublish, limits, ...common })

  // Rooms.
  const counts = createCounts()
  // The service may not know all users of this gateway yet. They count all the same.
  const count = (room: string) => Math.max(counts.get(room) ?? 0, hub.count(room))
  const presence = createPresence({
    count,
    notify(room, frame) {
      metrics.presenceFrames.inc()
      hub.notify(room, frame)
    },
    clock,
  })
  const rooms =
    options.rooms &&
    connectRooms({
      rooms: options.rooms,
      createdOnly: options.createdRoomsOnly,
      gateway: id,
      hub,
      counts,
      presence,
      ...common,
    })
  // Without a rooms service, presence covers the users of this gateway only.
  const joinedHere = (room: string, user: User) => presence.joined(room, memberHere(hub, room, user))
  hub.observe(
    rooms === undefined
      ? { joined: joinedHere, left: presence.left }
      : { joined: rooms.seats.seated, left: rooms.seats.left },
  )

  // The state of this gateway, which it reports to the others.
  let phase: Phase = 'open'
  function unready(): string | undefined {
    if (phase !== 'open') return phase === 'draining' ? 'draining' : 'stopping'
    return follower.unready() ?? rooms?.unready() ?? watchdog.unready() ?? registry.unready()
  }
  const registry = createGatewayRegistry({
    gateway: id,
    log,
    traffic,
    url: options.url ?? (() => undefined),
    publicUrl: options.publicUrl,
    sessions: () => hub.sessions.size,
    state: () => (phase === 'open' ? (unready() === undefined ? 'ready' : 'unready') : phase),
    reported: watchdog.signalled,
    clock,
  })
  const people = createPeople({
    gateway: id,
    history,
    hub,
    memberships,
    log,
    gateways: registry.list,
    positions: positions.all,
    leaving: () => phase !== 'open',
    timeout,
    clock,
  })
  hub.observeUsers(people.touched)
  const stopSignals = log.onSignal((signal) => {
    const known = knownSignal(signal)
    if (known === undefined) return
    switch (known.type) {
      case 'gateway':
        if (known.gateway === id) watchdog.heard()
        registry.heard(known)
        return
      case 'people':
        people.heard(known)
        return
      case 'typing': {
        const { room, user } = known
        if (!hub.reaches(room)) return
        hub.notify(room, Buffer.from(JSON.stringify({ type: 'typing', room, user })), user.id)
        return
      }
      case 'signal':
        if (hub.reaches(known.room)) hub.notify(known.room, Buffer.from(JSON.stringify(known)))
        return
      default:
        rooms?.onSignal(known)
    }
  })

  // Commands.
  const { loginsPerMinute } = options
  const parts: CommandParts = {
    id,
    limits,
    auth: options.auth,
    hasPublicUrl: options.publicUrl !== undefined,
    tokens,
    newGuests: createRates({ perSecond: loginsPerMinute / 60, burst: loginsPerMinute }, clock),
    hub,
    count,
    rooms,
    recent,
    historyReplay,
    lookup,
    revisions,
    conversations,
    conversationList,
    memberships,
    watchers,
    receipts,
    people,
    history,
    replays,
    publisher,
    repeats,
    wordFilter,
    beforePublish,
    registry,
    log,
    ...common,
  }

  const connections = acceptConnections({
    ...options,
    id,
    hub,
    unready,
    phase: () => phase,
    receive: (session, data) => execute(parts, session, data),
    ended(session, clean) {
      watchers.remove(session)
      receipts.ended(session)
      people.ended(session)
      // A client that reconnects through another gateway keeps its name.
      if (session.user !== undefined) rooms?.names.gone(session.user, clean)
    },
    settled: publisher.settled,
    clock,
  })
  metrics.watch({
    waiting: () => log.status().waiting,
    recentBytes: () => recent.bytes,
    recentRooms: () => recent.rooms,
    replayBytes: () => replays.held,
    watchedRooms: () => watchers.rooms,
    conversationsWaiting: () => news.waiting,
    followedReceipts: () => receipts.followed,
    followedPeople: () => people.followed,
  })

  return {
    id,
    lobby: options.lobby ?? 'general',
    limits,
    times: { helloTimeout: options.helloTimeout, heartbeat: options.heartbeat },
    clock,
    compression: options.compression ?? false,
    refusal: connections.refusal,
    allows: connections.allows,
    open: connections.open,
    receive: connections.receive,
    disconnected: connections.disconnected,
    gatewayUrl: registry.url,
    publicUrl: registry.publicUrl,
    forwarded: (transport, answered) =>
      metrics.forwarded.inc({ transport, result: answered ? 'answered' : 'failed' }),
    publish: publisher.publish,
    find: (room, id, user) => lookup.find(room, id, user, [`user:${user.id}`]),
    checkRepeat({ cid, ...event }) {
      const named = cid !== undefined && !isFresh(cid, clock.now())
      return named ? repeats.check(event, 'perhaps', [`user:${event.from.id}`]) : undefined
    },
    async checkWriter(user, room) {
      await rooms?.policies.checkEntry(user, room)
      rooms?.policies.checkVoice(user, room)
    },
    audit: (entry) => rooms?.audit.record(entry),
    auditRefusal: (detail, user) => rooms?.audit.refused({ ...detail, gateway: id }, user),
    start() {
      registry.report()
      rooms?.start()
    },
    unready,
    async drain(longest) {
      phase = 'draining'
      metrics.draining.set(1)
      registry.report()
      await connections.drain(longest)
    },
    get closed() {
      return phase === 'stopped'
    },
    async close() {
      phase = 'stopped'
      news.close()
      receipts.close()
      people.close()
      watchdog.close()
      registry.close()
      stopSignals()
      presence.close()
      rooms?.stop()
      connections.close()
      beforePublish?.close()
      await Promise.all([follower.stop(), rooms?.close()])
    },
  }
}
