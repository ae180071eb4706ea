import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MembersReply } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { callerOf, described, requireCaller, serviceOf, sharersOf } from '@rabble/service'
import { createWork } from '../moderation/bounded-queries.ts'
import { checkRoomName, findRoom } from '../moderation/rooms.ts'
import type { RoutesOptions } from '../options.ts'
import { membersOf } from '../presence/members.ts'

/** `each` is the share of one user and of one address. Gateways have no such limit. */
const limits = { active: 3, waiting: 200, each: { active: 1, waiting: 50 }, deadline: 4_000 }

const params = Type.Object({ room: Type.String({ minLength: 1, maxLength: 128 }) })
const limit = Type.Integer({ minimum: 1, maximum: 1000, default: 100 })
const membersSchema = {
  params,
  querystring: Type.Object({ limit, after: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })) }),
  ...described({
    summary: 'List the users in a room',
    caller: 'anybody',
    answers: { 200: MembersReply },
    errors: ['bad-frame', 'unauthorized', 'forbidden', 'room-not-found', 'rate-limited', 'unavailable'],
  }),
}
const internalSchema = { params, querystring: Type.Object({ limit }) }

/** Routes of the users in a room: for everybody who may enter it, and for gateways, which know who may. */
export function memberRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { database, internalTokens, tokens, allowedOrigins = new Set<string>() } = options
  const reads = createWork(limits, options)
  const access = { tokens, allowedOrigins }

  return async (app) => {
    app.get('/api/rooms/:room/members', { schema: membersSchema }, async (request): Promise<MembersReply> => {
      const name = request.params.room
      checkRoomName(name)
      const caller = await (options.requireToken ? requireCaller : callerOf)(request, access)
      const find = async () => {
        await findRoom(database.query, name, caller)
        return membersOf(database, { room: name, ...request.query })
      }
      return reads.run('members', find, sharersOf(request.ip, caller?.user.id))
    })

    const quiet = { logLevel: 'warn' } as const
    app.get('/internal/rooms/:room/members', { schema: internalSchema, ...quiet }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      return reads.run('members', () =>
        membersOf(database, { room: request.params.room, limit: request.query.limit }),
      )
    })
  }
}
