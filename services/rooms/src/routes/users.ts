import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErasureReply, type ErrorCode, RabbleError } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { retried, transactionWithin } from '@rabble/database'
import {
  createRates,
  described,
  type Identity,
  isModerator,
  networkOf,
  requireCaller,
  serviceOf,
  sharersOf,
} from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import { createWork } from '../moderation/bounded-queries.ts'
import { createChanges } from '../moderation/changes.ts'
import { checkUserId } from '../moderation/rooms.ts'
import type { RoutesOptions } from '../options.ts'
import { dueErasures, erasureOf, noteErased, requestErasure } from '../users/erasure.ts'
import { recordOf } from '../users/record.ts'

const readLimits = { active: 1, waiting: 50, each: { active: 1, waiting: 20 }, deadline: 4_000 }
/** History asks for one thing at a time. */
const historyLimits = { active: 1, waiting: 50, deadline: 4_000 }
/** Erasures an hour that one address may ask for, as no moderator. Each keeps a ban on all gateways for a day. */
const erasuresPerAddress = 20

const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']
const params = Type.Object({ user: Type.String({ minLength: 1, maxLength: 64 }) })
const requestSchema = {
  params,
  body: Type.Object({
    confirm: Type.String({
      maxLength: 64,
      description: 'Id of the user again, so that nobody does this by mistake.',
    }),
  }),
  ...described({
    summary: 'Erase a user',
    caller: 'user',
    answers: { 202: ErasureReply },
    errors: [...errors, 'too-large'],
  }),
}
const stateSchema = {
  params,
  ...described({
    summary: 'Read the state of an erasure',
    caller: 'user',
    answers: { 200: ErasureReply },
    errors: [...errors, 'not-found'],
  }),
}
const count = Type.Integer({ minimum: 0 })
const progressSchema = {
  params,
  body: Type.Object({ messages: count, reactions: count, conversations: count, complete: Type.Boolean() }),
}

/**
 * The erasure of a user, for the user and for moderators. For history; proxies do not expose these:
 *
 * - `GET /internal/users/{user}` returns what the service knows of a user.
 * - `GET /internal/erasures` returns users of whom something may be left to erase.
 * - `POST /internal/erasures/{user}` notes progress.
 */
export function userRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, database, internalTokens, tokens, allowedOrigins = new Set<string>() } = options
  const changes = createChanges(options)
  const reads = createWork(readLimits, options)
  const work = createWork(historyLimits, options)
  const rates = createRates({ perSecond: erasuresPerAddress / 3600, burst: erasuresPerAddress }, clock)

  function checkRate(request: FastifyRequest): void {
    const retryAfter = rates.take(networkOf(request.ip))
    if (retryAfter === 0) return
    const message = `no more than ${erasuresPerAddress} erasures an hour from one address`
    throw new RabbleError('rate-limited', message, { retryAfter })
  }

  return async (app) => {
    app.post('/api/users/:user/erasure', { schema: requestSchema }, async (request, reply) => {
      const { user } = request.params
      checkUserId(user)
      if (request.body.confirm !== user) {
        throw new RabbleError('bad-frame', 'confirm must be the id of the user who is to be erased')
      }
      const erasure = await changes.run(
        request,
        'erase',
        async (change) => {
          checkMay(change.caller, user)
          return requestErasure(change, user, {
            now: clock.now(),
            begins() {
              if (!isModerator(change.caller)) checkRate(request)
            },
          })
        },
        // A user who is banned may be forgotten as well. And the erasure itself bans.
        { evenBanned: true },
      )
      return reply.code(202).send(erasure)
    })

    app.get('/api/users/:user/erasure', { schema: stateSchema }, async (request) => {
      const { user } = request.params
      checkUserId(user)
      const caller = await requireCaller(request, { tokens, allowedOrigins })
      checkMay(caller, user)
      return reads.run(
        'erasure',
        () => erasureOf(database.query, user),
        sharersOf(request.ip, caller.user.id),
      )
    })

    const quiet = { logLevel: 'warn' } as const
    app.get('/internal/users/:user', { schema: { params }, ...quiet }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      return { record: await work.run('user', () => recordOf(database.query, request.params.user)) }
    })

    app.get('/internal/erasures', quiet, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      return { erasures: await work.run('erasures', () => dueErasures(database.query)) }
    })

    app.post('/internal/erasures/:user', { schema: progressSchema, ...quiet }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      const { user } = request.params
      return work.run('erasures', (signal) =>
        retried(clock, signal, () =>
          transactionWithin(database, signal, (query) => noteErased(query, user, request.body)),
        ),
      )
    })
  }
}

/** @throws RabbleError `forbidden` */
function checkMay(caller: Identity, user: string): void {
  if (caller.user.id === user || isModerator(caller)) return
  throw new RabbleError('forbidden', 'only the user and moderators may do this')
}
