import { systemClock } from '@rabble/clock'
import type { Signal, User } from '@rabble/contract'
import { createWorkHealth, type Database } from '@rabble/database'
import { createApp, createInternalTokens, createLogger, createTokens } from '@rabble/service'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { inProcess, type RoomsClient, type UsersClient } from '../src/client.ts'
import { createMetrics } from '../src/metrics.ts'
import { limitActs } from '../src/moderation/changes.ts'
import type { RoutesOptions } from '../src/options.ts'
import { auditRoutes } from '../src/routes/audit.ts'
import { moderationRoutes } from '../src/routes/moderation.ts'
import { policyRoutes } from '../src/routes/policies.ts'
import { roomRoutes } from '../src/routes/rooms.ts'
import { userRoutes } from '../src/routes/users.ts'
import { timeout } from './build.ts'

const secret = 'a secret that is long enough to be one'

export const ada: User = { id: 'ada', name: 'Ada' }
export const bob: User = { id: 'bob', name: 'Bob' }
export const eve: User = { id: 'eve', name: 'Eve' }
/** A moderator. */
export const mona: User = { id: 'mona', name: 'Mona' }

export interface Answer {
  status: number
  body: Record<string, unknown>
  headers: Record<string, unknown>
}

/** The routes of rooms, moderation and audit, with helpers for tests. */
export interface RoomApi {
  database: Database
  client: RoomsClient & UsersClient
  /** Signals, oldest first. */
  signals: Signal[]
  /** Returns a user's token. */
  tokenOf(user: User): Promise<string>
  /** Makes a request as a user, or without a user. */
  as(
    user: User | undefined,
    request: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<Answer>
}

/** Builds the routes without the jobs behind them, which tests call directly. */
export async function buildApi(
  t: Test,
  database: Database,
  options: Partial<RoutesOptions> = {},
): Promise<RoomApi> {
  const logger = createLogger('rooms-test', 'silent')
  const tokens = createTokens(secret)
  const internalTokens = createInternalTokens(secret)
  const signals: Signal[] = []
  const log = { partitions: 1, publish: async () => {}, signal: (signal: Signal) => signals.push(signal) }
  const routes: RoutesOptions = {
    clock: systemClock,
    log,
    database,
    tokens,
    internalTokens,
    clocks: { compare: () => 0 },
    metrics: createMetrics(new Registry()),
    logger,
    mode: 'open',
    checkAddress: limitActs(options.hourlyLimits, systemClock),
    migrated: () => true,
    health: createWorkHealth(systemClock),
    notify() {},
    deadline: timeout,
    ...options,
  }
  const tokenOf = (user: User) => tokens.sign(user, 60, user.id === mona.id ? ['moderator'] : [])
  const app = createApp({ logger })
  for (const plugin of [roomRoutes, moderationRoutes, auditRoutes, policyRoutes, userRoutes]) {
    app.register(plugin(routes))
  }
  t.teardown(() => app.close())
  await app.ready()
  return {
    database,
    client: inProcess(app, internalTokens, { timeout }),
    signals,
    tokenOf,
    async as(user, request, body, headers = {}) {
      const [method, url = ''] = request.split(' ') as ['GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', string]
      const reply = await app.inject({
        method,
        url,
        headers: {
          ...(user && { authorization: `Bearer ${await tokenOf(user)}` }),
          ...headers,
        },
        ...(body && { payload: body }),
      })
      return {
        status: reply.statusCode,
        body: reply.payload === '' ? {} : reply.json(),
        headers: reply.headers,
      }
    },
  }
}

/** Puts `users` users into a room, without a gateway. */
export async function seat(database: Database, room: string, users: number): Promise<void> {
  await database.query(
    `insert into rooms.seats (room, user_id, user_name, gateway)
     select $1, 'user-' || n, 'User ' || n, 'gateway-1' from generate_series(1, $2::int) as numbers (n)`,
    [room, users],
  )
  await database.query('insert into rooms.presence (room, users) values ($1, $2)', [room, users])
}
