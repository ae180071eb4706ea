import type { LogEvent, MessageEvent, PresenceSignal, RabbleError, Signal, User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { createApp, createInternalTokens, createLogger, createTokens, operations } from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { inProcess, type RoomsClient } from '../src/client.ts'
import { createMetrics, type RoomsMetrics, type RoomsOptions, rooms } from '../src/index.ts'

const secret = 'a secret that is long enough to be one'
export const tokens = createTokens(secret)
export const internalTokens = createInternalTokens(secret)
export const logger = createLogger('rooms-test', 'silent')

/** Maximum time (ms) for an answer, on a slow machine or one that stalls for a while. */
export const timeout = 60_000

/** Events and signals of a service, as a log keeps them. */
export interface Told {
  signals: Signal[]
  events: MessageEvent[]
  /** Error with which publishing fails, if set. */
  failure?: RabbleError
  /** Events that the log held before. */
  earlier?: LogEvent[]
}

export interface Replica {
  app: FastifyInstance
  /** Returns the client of a gateway; another one for each call. */
  client(): RoomsClient
  told: Told
  metrics: RoomsMetrics
  /** Returns the sum of a metric over all labels, or over the matching ones. */
  value(name: string, labels?: Record<string, string>): Promise<number>
}

/** Starts a whole rooms service. Several over one database are replicas. */
export async function startReplica(
  t: Test,
  database: Database,
  options: Partial<RoomsOptions> & { told?: Told; wait?: boolean } = {},
): Promise<Replica> {
  const { told = { signals: [], events: [] }, wait = true, leaseTimes, ...rest } = options
  const registry = new Registry()
  const metrics = createMetrics(registry)
  const app = createApp({ logger })
  const { plugin, checks } = rooms({
    log: logOf(told),
    database,
    tokens,
    internalTokens,
    clocks: { compare: () => 0 },
    metrics,
    logger,
    mode: 'open',
    deadline: timeout,
    // No lease must end because a test takes long.
    leaseTimes: { duration: 600_000, ...leaseTimes },
    ...rest,
  })
  app.register(plugin)
  operations(app, { registry, checks })
  t.teardown(() => app.close())
  await app.ready()
  if (wait) await until(() => isReady(app), timeout, 'rooms to be ready')
  return {
    app,
    client: () => inProcess(app, internalTokens, { timeout }),
    told,
    metrics,
    async value(name, labels = {}) {
      const metric = (await registry.getMetricsAsJSON()).find((metric) => metric.name === name)
      if (metric === undefined) throw new Error(`there is no metric ${name}`)
      return metric.values
        .filter((value) =>
          Object.entries(labels).every(([label, wanted]) => labelOf(value, label) === wanted),
        )
        .reduce((sum, { value }) => sum + value, 0)
    },
  }
}

function logOf(told: Told): RoomsOptions['log'] {
  const marks: LogEvent[] = []
  return {
    partitions: 1,
    signal: (signal) => void told.signals.push(signal),
    async publish(event) {
      if (told.failure !== undefined) throw told.failure
      if (event.type === 'started') marks.push(event)
      else told.events.push(event as MessageEvent)
    },
    async *read() {
      const entries = [...(told.earlier ?? []), ...marks].map((event) => ({ event, line: Buffer.alloc(0) }))
      yield [{ offset: 0, entries }]
    },
  }
}

function labelOf(value: { labels: object }, label: string): unknown {
  return Object.entries(value.labels).find(([name]) => name === label)?.[1]
}

export async function isReady(app: FastifyInstance): Promise<boolean> {
  return (await app.inject('/readyz')).statusCode === 200
}

export function userOf(id: string): User {
  return { id, name: id.slice(0, 1).toUpperCase() + id.slice(1) }
}

/** Returns the presence signals of a room. */
export function presenceOf({ signals }: Told, room: string): PresenceSignal[] {
  return signals.filter(
    (signal): signal is PresenceSignal => signal.type === 'presence' && signal.room === room,
  )
}

/** Settings of a room that users can change. */
export interface Settings {
  capacity?: number
  access?: 'open' | 'invite'
  single?: boolean
  announce?: boolean
  createdBy?: string
}

export async function makeRoom(database: Database, name: string, settings: Settings = {}): Promise<void> {
  const { capacity = null, access = 'open', single = false, announce = false, createdBy = 'owner' } = settings
  await database.query(
    `insert into rooms.rooms (name, folded, capacity, access, single, announce, created_by)
     values ($1, $1, $2, $3, $4, $5, $6)`,
    [name, capacity, access, single, announce, createdBy],
  )
}

/** Returns the seats, in the order of room, user and gateway, and the counts. */
export async function seatsIn(
  database: Database,
): Promise<{ seats: string[]; counts: Record<string, number> }> {
  const seats = await database.query<{ seat: string }>(
    `select concat_ws(' ', room, user_id, gateway) as seat from rooms.seats order by room, user_id, gateway`,
    [],
  )
  const counts = await database.query<{ room: string; users: number }>(
    'select room, users from rooms.presence where users > 0 order by room',
    [],
  )
  return {
    seats: seats.map(({ seat }) => seat),
    counts: Object.fromEntries(counts.map(({ room, users }) => [room, users])),
  }
}
