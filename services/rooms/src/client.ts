import { type Clock, systemClock } from '@rabble/clock'
import { pathSegment, type UserRecord } from '@rabble/contract'
import {
  type ClockWatch,
  httpCall,
  type InternalTokens,
  type Tracing,
  timeOfResponse,
  withTimeout,
} from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import type {
  ClaimedName,
  Erasure,
  HiddenPage,
  PolicyChanges,
  Refusal,
  Renewal,
  RetentionPage,
  RoomRetention,
  RoomsClient,
  Seat,
  UsersClient,
} from './api.ts'
import { createRequestOrder } from './seats/request-order.ts'

export type * from './api.ts'

/** Time (ms) in which the service must answer. */
const defaultTimeout = 5_000

export interface RoomsClientOptions {
  /** The name with which the caller signs its requests. Default: `gateway`. */
  caller?: string
  /** Time (ms) in which the service must answer. Default: 5 s. */
  timeout?: number
  /** Default: the clock of the machine. */
  clock?: Clock
}

interface Request {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  body?: object
}

type Call = (
  request: Request,
  headers: Record<string, string>,
  signal: AbortSignal,
) => Promise<{ status: number; text: string }>

/**
 * Creates a client over HTTP. `url` is the service's address, such as `http://rooms:8080`. `clocks` compares the clock of the
 * service with the local one at each answer. `tracing` traces the calls of traced work.
 */
export function overHttp(
  url: string,
  internalTokens: Pick<InternalTokens, 'sign'>,
  options: RoomsClientOptions & { clocks?: Pick<ClockWatch, 'compare'>; tracing?: Tracing | undefined } = {},
): RoomsClient & UsersClient {
  const { clock = systemClock, clocks, tracing } = options
  return createClient(internalTokens, options, async ({ method, path, body }, headers, signal) => {
    const askedAt = clock.now()
    const answer = await httpCall(new URL(path, url), {
      method,
      headers,
      tracing,
      signal,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const time = timeOfResponse(answer.headers.date)
    if (time !== undefined) clocks?.compare('rooms', time, askedAt)
    return { status: answer.status, text: answer.body.toString() }
  })
}

/** Creates a client for `app`, which has the service's routes, without a socket. */
export function inProcess(
  app: FastifyInstance,
  internalTokens: Pick<InternalTokens, 'sign'>,
  options: RoomsClientOptions = {},
): RoomsClient & UsersClient {
  return createClient(internalTokens, options, async ({ method, path, body }, headers, signal) => {
    const { statusCode, payload } = await app.inject({
      method,
      url: path,
      headers,
      signal,
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    })
    return { status: statusCode, text: payload }
  })
}

function createClient(
  internalTokens: Pick<InternalTokens, 'sign'>,
  { caller = 'gateway', timeout = defaultTimeout, clock = systemClock }: RoomsClientOptions,
  call: Call,
): RoomsClient & UsersClient {
  const requests = createRequestOrder(clock)
  /** Moment up to which each gateway has received changed counts, by gateway. */
  const seen = new Map<string, string>()
  /** Version that a load of all policies has reached; undefined if none is under way. */
  let loaded: number | undefined

  /** Returns undefined for status 410: the lease has ended. */
  async function ask<Answer>(request: Request): Promise<Answer | undefined> {
    const headers = {
      authorization: `Bearer ${await internalTokens.sign({ caller })}`,
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
    }
    const { status, text } = await withTimeout(clock, timeout, (signal) => call(request, headers, signal))
    if (status === 410) return undefined
    if (status < 200 || status > 299) throw new Error(`rooms answered ${status}: ${text.slice(0, 200)}`)
    return (text === '' ? {} : JSON.parse(text)) as Answer
  }

  async function need<Answer>(request: Request): Promise<Answer> {
    const answer = await ask<Answer>(request)
    if (answer === undefined) throw new Error('rooms answered 410')
    return answer
  }

  const gatewayPath = (gateway: string, what: string) => `/internal/gateways/${pathSegment(gateway)}/${what}`

  return {
    renew: (gateway, { fresh }) =>
      requests.run(async (place) => {
        if (fresh) seen.delete(gateway)
        const since = seen.get(gateway)
        const answer = await ask<Renewal & { seen: string }>({
          method: 'POST',
          path: gatewayPath(gateway, 'lease'),
          body: { fresh, ...place, ...(since !== undefined && { seen: since }) },
        })
        if (answer === undefined) {
          seen.delete(gateway)
          return undefined
        }
        const { seen: upTo, ...renewal } = answer
        seen.set(gateway, upTo)
        return renewal
      }),
    async end(gateway) {
      seen.delete(gateway)
      await ask({ method: 'DELETE', path: gatewayPath(gateway, 'lease') })
    },
    seats: (gateway, { take, give }) =>
      requests.run(async (place) => {
        const answer = await ask<{ answers: (Seat | Refusal)[] }>({
          method: 'POST',
          path: gatewayPath(gateway, 'seats'),
          body: { take, give, ...place },
        })
        return answer?.answers
      }),
    members: (room, limit) =>
      need({ method: 'GET', path: `/internal/rooms/${pathSegment(room)}/members?limit=${limit}` }),
    async names(gateway, { claim, release }) {
      const answer = await ask<{ answers: (ClaimedName | Refusal)[] }>({
        method: 'POST',
        path: gatewayPath(gateway, 'names'),
        body: { claim, release },
      })
      return answer?.answers
    },
    async policies(since) {
      const path = `/internal/policies?since=${since}&loading=${since === loaded}`
      const answer = await need<PolicyChanges>({ method: 'GET', path })
      const loading = answer.reset || since === loaded
      loaded = loading && answer.more ? answer.version : undefined
      return answer
    },
    async audit(entries) {
      await need({ method: 'POST', path: '/internal/audit', body: { entries } })
    },
    async retention() {
      const all = new Map<string, RoomRetention>()
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page: RetentionPage = await need({
          method: 'GET',
          path: `/internal/retention?after=${encodeURIComponent(after)}`,
        })
        for (const [room, retention] of Object.entries(page.rooms)) all.set(room, retention)
        after = page.next
      }
      return all
    },
    async hidden(user) {
      const all: string[] = []
      for (let after: string | undefined = ''; after !== undefined; ) {
        const of = user === undefined ? '' : `&user=${encodeURIComponent(user)}`
        const page: HiddenPage = await need({
          method: 'GET',
          path: `/internal/hidden?after=${encodeURIComponent(after)}${of}`,
        })
        if (page.everything) return { everything: true, names: [] }
        all.push(...page.names)
        after = page.next
      }
      return { everything: false, names: all }
    },
    async former(part) {
      await need({ method: 'POST', path: '/internal/former', body: part })
    },
    async userRecord(user) {
      const path = `/internal/users/${pathSegment(user)}`
      return (await need<{ record?: UserRecord }>({ method: 'GET', path })).record
    },
    async erasures() {
      return (await need<{ erasures: Erasure[] }>({ method: 'GET', path: '/internal/erasures' })).erasures
    },
    erased: (user, progress) =>
      need({ method: 'POST', path: `/internal/erasures/${pathSegment(user)}`, body: progress }),
    async readable(rooms, reader) {
      const body = { rooms, ...reader }
      return (await need<{ rooms: string[] }>({ method: 'POST', path: '/internal/readable', body })).rooms
    },
  }
}
