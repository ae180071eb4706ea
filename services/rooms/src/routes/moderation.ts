import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { BansReply, type ErrorCode, MutesReply, RabbleError, RestrictionReply } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { checkLine, checkModerator, described, requireCaller, sharersOf } from '@rabble/service'
import { checkOwner } from '../moderation/authorization.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import { createChanges } from '../moderation/changes.ts'
import {
  checkPlace,
  kickMessage,
  lift,
  listRestrictions,
  type RestrictionKind,
  restrict,
} from '../moderation/restrictions.ts'
import { checkRoomName, checkUserId } from '../moderation/rooms.ts'
import type { RoutesOptions } from '../options.ts'
import { type RoomRow, roomColumns } from '../rooms/room-rows.ts'

const readLimits = { active: 1, waiting: 50, each: { active: 1, waiting: 20 }, deadline: 4_000 }

const user = Type.String({ minLength: 1, maxLength: 64, description: 'Id of a user.' })
const room = Type.Optional(
  Type.String({ minLength: 1, maxLength: 128, description: 'Name of a room. Absent: all rooms.' }),
)
const reason = Type.String({
  maxLength: 256,
  default: '',
  description: 'Reason, for the audit and the user.',
})
const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']
const kickSchema = {
  body: Type.Object({ user, room, reason }),
  ...described({
    summary: 'Kick a user',
    caller: 'user',
    answers: { 204: undefined },
    errors: [...errors, 'room-not-found'],
  }),
}
/** Maximum duration: ten years, longer than anybody needs. */
const seconds = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 10 * 366 * 24 * 60 * 60, description: 'Duration. Absent: for good.' }),
)
const restrictSchema = (summary: string) => ({
  body: Type.Object({ user, room, reason, seconds }),
  ...described({
    summary,
    caller: 'user',
    answers: { 201: RestrictionReply },
    errors: [...errors, 'room-not-found', 'too-large'],
  }),
})
const liftSchema = (summary: string) => ({
  params: Type.Object({ id: Type.Integer({ minimum: 1, maximum: 2 ** 53 - 1 }) }),
  ...described({ summary, caller: 'user', answers: { 204: undefined }, errors: [...errors, 'not-found'] }),
})
const listSchema = (summary: string, reply: typeof BansReply | typeof MutesReply) => ({
  querystring: Type.Object({
    user: Type.Optional(user),
    room,
    after: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 53 - 1 })),
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
  }),
  ...described({ summary, caller: 'user', answers: { 200: reply }, errors }),
})

/** Routes of moderation: for moderators everywhere, and for the creator of a room in that room. */
export function moderationRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { database, tokens, allowedOrigins = new Set<string>() } = options
  const changes = createChanges(options)
  const reads = createWork(readLimits, options)

  return async (app) => {
    app.post('/api/moderation/kicks', { schema: kickSchema }, async (request, reply) => {
      const { user, room, reason } = request.body
      checkTarget(request.body)
      await changes.run(request, 'kick', async (change) => {
        await checkPlace(change, room)
        const where = room === undefined ? {} : { room }
        change.kick({ user, ...where, message: kickMessage('a moderator removed this user', reason) })
        change.record({ action: 'kick', user, ...where, detail: { reason } })
      })
      return reply.code(204).send()
    })

    const lists: readonly [string, RestrictionKind, typeof BansReply | typeof MutesReply][] = [
      ['bans', 'ban', BansReply],
      ['mutes', 'mute', MutesReply],
    ]
    for (const [list, kind, reply] of lists) {
      app.post(
        `/api/moderation/${list}`,
        { schema: restrictSchema(kind === 'ban' ? 'Ban a user' : 'Mute a user') },
        async (request, reply) => {
          const { user, room, reason, seconds } = request.body
          checkTarget(request.body)
          const restriction = await changes.run(request, kind, (change) => {
            if (change.caller.user.id === user)
              throw new RabbleError('bad-frame', `nobody can ${kind} themselves`)
            return restrict(change, {
              kind,
              user,
              reason,
              ...(room !== undefined && { room }),
              ...(seconds !== undefined && { seconds }),
            })
          })
          return reply.code(201).send(restriction)
        },
      )

      app.get(
        `/api/moderation/${list}`,
        { schema: listSchema(`List the ${list} in force`, reply) },
        async (request) => {
          const { user, room } = request.query
          if (room !== undefined) checkRoomName(room)
          if (user !== undefined) checkUserId(user)
          const caller = await requireCaller(request, { tokens, allowedOrigins })
          const find = async () => {
            if (room === undefined) checkModerator(caller)
            else await checkOwner(database.query, caller, await ownerOf(room))
            const { restrictions, hasMore } = await listRestrictions(database, { kind, ...request.query })
            return { [list]: restrictions, hasMore }
          }
          return reads.run('restrictions', find, sharersOf(request.ip, caller.user.id))
        },
      )

      app.delete(
        `/api/moderation/${list}/:id`,
        { schema: liftSchema(`Lift a ${kind}`) },
        async (request, reply) => {
          await changes.run(request, `un${kind}`, (change) => lift(change, kind, request.params.id))
          return reply.code(204).send()
        },
      )
    }
  }

  /** Returns a room with its owner. A room that no longer exists has none. */
  async function ownerOf(room: string): Promise<Pick<RoomRow, 'name' | 'created_by'>> {
    const [row] = await database.query<RoomRow>(`select ${roomColumns} from rooms.rooms where name = $1`, [
      room,
    ])
    return row ?? { name: room, created_by: null }
  }
}

function checkTarget({ user, room, reason }: { user: string; room?: string; reason: string }): void {
  checkUserId(user)
  if (room !== undefined) checkRoomName(room)
  checkLine('reason', reason)
}
