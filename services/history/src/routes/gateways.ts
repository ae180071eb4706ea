import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@rabble/contract/typebox'
import { type InternalTokens, serviceOf } from '@rabble/service'
import { checkServiceAccess } from '../access/access.ts'
import { directRoomsOf } from '../messages/direct-rooms.ts'
import { findMessage, findReaction, knownOf } from '../messages/find.ts'
import { replayOf } from '../messages/replay.ts'
import type { RoutesOptions } from './history.ts'
import { createReads, type ReadLimits } from './reads.ts'

/** Gateways ask few questions, some of them large: one for each room to which clients return. */
const limits: ReadLimits = { active: 2, waiting: 200, deadline: 4_000 }

/** Enough for 1,000 ids of the greatest length. */
const bodyLimit = 256 * 1024

const id = Type.String({ minLength: 1, maxLength: 64 })
const params = Type.Object({ room: Type.String({ minLength: 1, maxLength: 140 }) })
const replaySchema = {
  params,
  body: Type.Object({
    after: Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 1000 }),
    limit: Type.Integer({ minimum: 1, maximum: 20_000 }),
  }),
}

const directRoomsSchema = {
  params: Type.Object({ user: id }),
  body: Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 1000 }) }),
}
const reactionSchema = {
  params,
  body: Type.Object({ message: id, user: id, emoji: id }),
}
const knownSchema = { params, body: Type.Object({ ids: Type.Array(id, { minItems: 1, maxItems: 1000 }) }) }

/**
 * Routes for gateways; proxies do not expose them.
 *
 * - `POST /internal/rooms/{room}/replay` returns NDJSON: the replay without its lines in the first line, then the events, whose
 * bytes the gateway passes on. An empty line belongs to an event that is not sent any more.
 * - `POST /internal/rooms/{room}/message` returns one message, so that the gateway knows who may change it.
 * - `POST /internal/rooms/{room}/reaction` returns how often a user has reacted to a message with an emoji.
 * - `POST /internal/users/{user}/direct-rooms` returns the rooms of a user's latest direct messages.
 * - `POST /internal/rooms/{room}/known` returns which of some ids are stored, so that the gateway can tell repeats from new
 * events.
 */
export function gatewayRoutes(
  options: RoutesOptions & { partitions: number; internalTokens: Pick<InternalTokens, 'verify'> | undefined },
): FastifyPluginAsyncTypebox {
  const { database, partitions, internalTokens } = options
  const reads = createReads(limits, options)
  return async (app) => {
    app.post(
      '/internal/rooms/:room/replay',
      { schema: replaySchema, bodyLimit, logLevel: 'warn' },
      async (request, reply) => {
        const { room } = request.params
        await checkServiceAccess(room, request, internalTokens)
        const { lines, ...head } = await reads.run('replay', () =>
          replayOf(database, partitions, { room, ...request.body }),
        )
        reply.type('application/x-ndjson')
        return [JSON.stringify(head), ...lines].join('\n')
      },
    )

    const findSchema = { params, body: Type.Object({ id }) }
    app.post(
      '/internal/rooms/:room/message',
      { schema: findSchema, logLevel: 'warn' },
      async (request, reply) => {
        const { room } = request.params
        await checkServiceAccess(room, request, internalTokens)
        const { through, line } = await reads.run('message', () =>
          findMessage(database, partitions, { room, id: request.body.id }),
        )
        reply.type('application/json; charset=utf-8')
        return `{"through":${through},"message":${line ?? null}}`
      },
    )

    app.post(
      '/internal/rooms/:room/reaction',
      { schema: reactionSchema, logLevel: 'warn' },
      async (request) => {
        const { room } = request.params
        await checkServiceAccess(room, request, internalTokens)
        return reads.run('reaction', () => findReaction(database, partitions, { room, ...request.body }))
      },
    )

    app.post(
      '/internal/users/:user/direct-rooms',
      { schema: directRoomsSchema, logLevel: 'warn' },
      async (request) => {
        await serviceOf(request.headers.authorization, internalTokens)
        return reads.run('direct-rooms', () =>
          directRoomsOf(database, partitions, request.params.user, request.body.limit),
        )
      },
    )

    app.post(
      '/internal/rooms/:room/known',
      { schema: knownSchema, bodyLimit, logLevel: 'warn' },
      async (request) => {
        await serviceOf(request.headers.authorization, internalTokens)
        const question = { room: request.params.room, ids: request.body.ids }
        return reads.run('known', () => knownOf(database, partitions, question))
      },
    )
  }
}
