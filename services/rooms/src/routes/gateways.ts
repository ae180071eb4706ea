import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isRoomName, isUserId, isUserName, RabbleError } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { type Database, retried, transactionWithin } from '@rabble/database'
import { serviceOf } from '@rabble/service'
import type { FastifyReply } from 'fastify'
import type { Refusal, Seat, SeatRequest } from '../api.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import type { RoutesOptions } from '../options.ts'
import { changedCounts } from '../presence/presence.ts'
import { limitAppearing } from '../seats/appearing-rooms.ts'
import { defaultLeaseTimes, endLease, renewLease, sweepLease, takeOutLease } from '../seats/leases.ts'
import { changeSeats, type SeatBatch } from '../seats/seats.ts'

/** A gateway has one batch under way, so these are numbers of gateways. Batches for the same rooms wait for each other. */
const seatLimits = { active: 6, waiting: 200, deadline: 4_000 }
/** Never behind seats: a lease that can't be renewed costs all seats of a gateway. */
const leaseLimits = { active: 3, waiting: 500, deadline: 4_000 }

/** Maximum number of seats that one batch takes and gives back. */
const batchSize = 1000

const params = Type.Object({ gateway: Type.String({ minLength: 1, maxLength: 64 }) })
const turn = { order: Type.Integer({ minimum: 0 }), settled: Type.Integer({ minimum: 0 }) }
const room = Type.String({ minLength: 1, maxLength: 128 })

const leaseSchema = {
  params,
  body: Type.Object({
    fresh: Type.Boolean(),
    seen: Type.Optional(Type.String({ pattern: '^[0-9]{1,20}$' })),
    ...turn,
  }),
}
const seatsSchema = {
  params,
  body: Type.Object({
    take: Type.Array(
      Type.Object({
        room,
        user: Type.Object({ id: Type.String(), name: Type.String() }),
        moderator: Type.Optional(Type.Literal(true)),
        network: Type.Optional(Type.String({ maxLength: 64 })),
      }),
      { maxItems: batchSize },
    ),
    give: Type.Array(Type.Object({ room, user: Type.String() }), { maxItems: batchSize }),
    ...turn,
  }),
}

/**
 * Routes of leases and seats, for gateways; proxies do not expose them. Status 410 means that the lease has ended. 409 means
 * that the call arrived after the gateway had given it up, and nothing was done.
 */
export function gatewayRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, database, internalTokens, metrics, mode, notify } = options
  const { duration } = { ...defaultLeaseTimes, ...options.leaseTimes }
  const seats = createWork(seatLimits, options)
  const leases = createWork(leaseLimits, options)
  const appearing = limitAppearing(options.appearingRoomsPerHour, clock)

  /** Runs a transaction. Retries it where that may help, and never commits it once nobody waits for it. */
  function transaction<Result>(
    signal: AbortSignal,
    work: (query: Database['query']) => Promise<Result>,
  ): Promise<Result> {
    return retried(clock, signal, () => transactionWithin(database, signal, work))
  }

  return async (app) => {
    const quiet = { logLevel: 'warn' } as const

    app.addHook('onRequest', async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
    })

    app.post(
      '/internal/gateways/:gateway/lease',
      { schema: leaseSchema, ...quiet },
      async (request, reply) => {
        const { gateway } = request.params
        const { fresh, seen, ...turn } = request.body
        const renewal = await leases.run(fresh ? 'fresh' : 'renew', async (signal) => {
          for (let done = !fresh; !done; ) {
            const cleared = await transaction(signal, (query) => takeOutLease(query, gateway, turn, duration))
            if (cleared === 'overtaken') return cleared
            notify(cleared.changes)
            done = cleared.done
          }
          const lease = await retried(clock, signal, () => renewLease(database.query, gateway, duration))
          metrics.renewals.inc({ result: lease === undefined ? 'lost' : fresh ? 'fresh' : 'renewed' })
          if (lease === undefined) return 'ended'
          const changed = fresh
            ? { counts: [], seen: lease.seen }
            : await retried(clock, signal, () => changedCounts(database.query, gateway, seen, lease.seen))
          return { expiresIn: duration, policies: lease.policies, now: lease.now, ...changed }
        })
        return typeof renewal === 'string' ? answerWithout(reply, renewal) : renewal
      },
    )

    app.delete(
      '/internal/gateways/:gateway/lease',
      { schema: { params }, ...quiet },
      async (request, reply) => {
        await leases.run('end', async (signal) => {
          await retried(clock, signal, () => endLease(database.query, request.params.gateway))
          // The sweeper removes what is left when nobody waits any more.
          for (;;) {
            const swept = await transaction(signal, (query) => sweepLease(query, { expired: false }))
            if (swept === undefined) return
            notify(swept.changes)
          }
        })
        return reply.code(204).send()
      },
    )

    app.post(
      '/internal/gateways/:gateway/seats',
      { schema: seatsSchema, bodyLimit: 2 * 1024 * 1024, ...quiet },
      async (request, reply) => {
        const { gateway } = request.params
        const { take, give, ...turn } = request.body
        checkBatch({ take, give })
        const valid = take.filter(isValid)
        const admit = mode === 'open' ? appearing() : undefined
        const result = await seats.run('seats', async (signal) => {
          const result = await transaction(signal, (query) =>
            changeSeats(query, gateway, turn, { take: valid, give }, admit),
          )
          // Here because it is committed, whether or not somebody still waits.
          if (typeof result !== 'string') notify(result.changes)
          return result
        })
        if (typeof result === 'string') return answerWithout(reply, result)
        metrics.batchSeats.observe(take.length + give.length)
        metrics.gives.inc(give.length)
        // Earlier versions accepted more. An invalid request must not keep the gateway's other requests from being answered.
        const answered = new Map(valid.map((request, index) => [request, result.answers[index]]))
        const answers = take.map((request) => answered.get(request) ?? invalid)
        for (const answer of answers) metrics.takes.inc({ result: resultOf(answer) })
        return { answers }
      },
    )
  }
}

/** @throws RabbleError `bad-frame` */
function checkBatch({ take, give }: SeatBatch): void {
  if (take.length + give.length > batchSize) {
    throw new RabbleError('bad-frame', `a batch takes and gives back up to ${batchSize} seats in all`)
  }
  const pairs = new Set([
    ...take.map(({ room, user }) => `${room}\0${user.id}`),
    ...give.map(({ room, user }) => `${room}\0${user}`),
  ])
  if (pairs.size < take.length + give.length) {
    throw new RabbleError('bad-frame', 'a batch names each room and user once')
  }
}

const invalid: Refusal = {
  refused: 'bad-frame',
  message: 'a seat is for a room and a user with valid names',
}

function isValid({ room, user }: SeatRequest): boolean {
  return isRoomName(room) && isUserId(user.id) && isUserName(user.name)
}

function resultOf(answer: Seat | Refusal): string {
  return 'refused' in answer ? answer.refused : 'taken'
}

/** Answers a call that did nothing. */
function answerWithout(reply: FastifyReply, why: 'ended' | 'overtaken') {
  const [statusCode, code, message] =
    why === 'ended'
      ? [410, 'lease-ended', 'the lease has ended']
      : [409, 'overtaken', 'the call arrived after the gateway had given it up']
  return reply.code(statusCode).send({ statusCode, code, message })
}
