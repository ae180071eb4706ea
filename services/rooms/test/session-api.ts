import { systemClock } from '@rabble/clock'
import type { User } from '@rabble/contract'
import { createWorkHealth, type Database } from '@rabble/database'
import { createApp, createInternalTokens, createLogger, createTokens, type Tokens } from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { type ClaimedName, inProcess, type Refusal, type RoomsClient } from '../src/client.ts'
import { createMetrics } from '../src/metrics.ts'
import type { RoutesOptions } from '../src/options.ts'
import { auditRoutes } from '../src/routes/audit.ts'
import { gatewayRoutes } from '../src/routes/gateways.ts'
import { nameRoutes } from '../src/routes/names.ts'
import { policyRoutes } from '../src/routes/policies.ts'
import { sessionRoutes } from '../src/routes/sessions.ts'
import { checkingBrowserSessions } from '../src/sessions/browser-sessions.ts'
import { timeout } from './build.ts'

const secret = 'a secret that is long enough to be one'
export const internalTokens = createInternalTokens(secret)

export interface SessionApi {
  app: FastifyInstance
  client: RoomsClient
  tokens: Tokens
  /** Claims a name through a gateway. Returns the answer. */
  claim(gateway: string, name: string, user?: string): Promise<ClaimedName | Refusal | undefined>
}

/** The routes of names, sessions and leases, without the jobs behind them. */
export async function buildSessions(
  t: Test,
  database: Database,
  options: Partial<RoutesOptions> & { trustedProxies?: string; guests?: boolean } = {},
): Promise<SessionApi> {
  const logger = createLogger('rooms-test', 'silent')
  const { trustedProxies = '', guests = true, clock = systemClock, ...rest } = options
  const tokens = createTokens(secret, { guests, clock })
  const unchecked = {
    clock,
    log: { partitions: 1, publish: async () => {}, signal() {} },
    database,
    tokens,
    internalTokens,
    clocks: { compare: () => 0 },
    metrics: createMetrics(new Registry()),
    logger,
    mode: 'open' as const,
    requireToken: !guests,
    checkAddress() {},
    migrated: () => true,
    health: createWorkHealth(clock),
    notify() {},
    deadline: timeout,
    ...rest,
  }
  const routes = { ...unchecked, tokens: checkingBrowserSessions(unchecked) }
  const app = createApp({ logger, trustedProxies })
  for (const plugin of [gatewayRoutes, nameRoutes, policyRoutes, sessionRoutes, auditRoutes])
    app.register(plugin(routes))
  t.teardown(() => app.close())
  await app.ready()
  const client = inProcess(app, internalTokens, { timeout })
  return {
    app,
    client,
    tokens,
    async claim(gateway, name, user) {
      const claim = { name, ...(user !== undefined && { user }) }
      return (await client.names(gateway, { claim: [claim], release: [] }))?.[0]
    },
  }
}

/** Returns the user of a claimed name. @throws Error if it was refused */
export function given(answer: ClaimedName | Refusal | undefined): User {
  if (answer === undefined || 'refused' in answer) throw new Error(`refused: ${JSON.stringify(answer)}`)
  return answer.user
}

export interface SessionAnswer {
  status: number
  body: Record<string, unknown>
  /** Value of the cookie; undefined if none was set. */
  cookie: string | undefined
  setCookie: string
  headers: Record<string, unknown>
}

/** Requests of one browser or program. */
export function asking({ app }: SessionApi) {
  return async (
    method: 'GET' | 'POST' | 'DELETE',
    payload?: object,
    headers: Record<string, string> = {},
    remoteAddress = '192.0.2.1',
  ): Promise<SessionAnswer> => {
    const reply = await app.inject({
      method,
      url: '/api/session',
      headers: { host: 'chat.example', ...headers },
      remoteAddress,
      ...(payload && { payload }),
    })
    const setCookie = String(reply.headers['set-cookie'] ?? '')
    return {
      status: reply.statusCode,
      body: reply.payload === '' ? {} : reply.json(),
      cookie: /^rabble_session=([^;]*)/.exec(setCookie)?.[1],
      setCookie,
      headers: reply.headers,
    }
  }
}
