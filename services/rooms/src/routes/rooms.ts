import rateLimit from '@fastify/rate-limit'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type ErrorCode, RabbleError, RoomReply, RoomsReply } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import {
  callerOf,
  checkLine,
  described,
  isModerator,
  networkOf,
  requireCaller,
  sharersOf,
} from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import { defaultHourlyLimits } from '../audit/audit.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import { createChanges } from '../moderation/changes.ts'
import { invite, uninvite } from '../moderation/invitations.ts'
import {
  changeRoom,
  checkRoomName,
  checkUserId,
  countOf,
  createRoom,
  deleteRoom,
  findRoom,
  type RoomSettings,
} from '../moderation/rooms.ts'
import { requestWindows } from '../names/request-windows.ts'
import type { RoutesOptions } from '../options.ts'
import { listRooms } from '../rooms/room-list.ts'
import { roomReplyOf } from '../rooms/room-rows.ts'

/** Number of users whose limits one address may use up: guests can create as many users as they like. */
const creatorsPerAddress = 10
/** Maximum number of addresses that are counted. The least recently used go first. */
const addresses = 10_000

/** `each` is the share of one user and of one address. */
const readLimits = { active: 3, waiting: 200, each: { active: 2, waiting: 100 }, deadline: 4_000 }

/** Returns the schema of an integer or null. Not `anyOf`, with which Ajv would turn null into a number. */
function orNull(maximum: number) {
  return Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 1, maximum }))
}

const settings = {
  topic: Type.Optional(Type.String({ maxLength: 256 })),
  capacity: orNull(1_000_000),
  access: Type.Optional(Type.Unsafe<'open' | 'invite'>({ type: 'string', enum: ['open', 'invite'] })),
  single: Type.Optional(Type.Boolean()),
  announce: Type.Optional(Type.Boolean()),
  receipts: Type.Optional(Type.Boolean()),
  mentionAll: Type.Optional(Type.Boolean()),
  retention: Type.Optional(
    Type.Unsafe<{ days?: number | null; messages?: number | null } | null>({
      type: ['object', 'null'],
      properties: { days: orNull(36_500), messages: orNull(1_000_000_000) },
    }),
  ),
}
const params = Type.Object({ room: Type.String({ minLength: 1, maxLength: 128 }) })
const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'rate-limited', 'unavailable']
const roomErrors: readonly ErrorCode[] = [...errors, 'forbidden', 'room-not-found']
const createSchema = {
  body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 128 }), ...settings }),
  ...described({
    summary: 'Create a room',
    caller: 'user',
    answers: { 201: RoomReply },
    errors: [...errors, 'forbidden', 'room-exists', 'too-large'],
  }),
}
const findSchema = {
  params,
  ...described({
    summary: 'Read a room',
    caller: 'anybody',
    answers: { 200: RoomReply },
    errors: roomErrors,
  }),
}
const changeSchema = {
  params,
  body: Type.Object(settings),
  ...described({
    summary: 'Change a room',
    caller: 'user',
    answers: { 200: RoomReply },
    errors: [...roomErrors, 'too-large'],
  }),
}
const deleteSchema = {
  params,
  ...described({ summary: 'Delete a room', caller: 'user', answers: { 204: undefined }, errors: roomErrors }),
}
const invitationSchema = (summary: string) => ({
  params: Type.Object({ ...params.properties, user: Type.String({ minLength: 1, maxLength: 64 }) }),
  ...described({
    summary,
    caller: 'user',
    answers: { 204: undefined },
    errors: [...roomErrors, 'too-large'],
  }),
})
const listSchema = {
  querystring: Type.Object({
    q: Type.Optional(Type.String({ maxLength: 64 })),
    after: Type.Optional(Type.String({ minLength: 1, maxLength: 140 })),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    sort: Type.Unsafe<'name' | 'users'>({ type: 'string', enum: ['name', 'users'], default: 'name' }),
  }),
  ...described({ summary: 'List the rooms', caller: 'anybody', answers: { 200: RoomsReply }, errors }),
}

/** Routes of rooms: create, list, change and delete them, and invite users. */
export function roomRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { database, tokens, allowedOrigins = new Set<string>(), roomCreation = 'everybody' } = options
  const changes = createChanges(options)
  const reads = createWork(readLimits, options)
  const access = { tokens, allowedOrigins }
  const reader = (request: FastifyRequest) =>
    options.requireToken ? requireCaller(request, access) : callerOf(request, access)

  const roomsPerAddress = creatorsPerAddress * (options.hourlyLimits ?? defaultHourlyLimits).rooms
  const creation = {
    max: roomsPerAddress,
    timeWindow: 60 * 60_000,
    async allowList(request: FastifyRequest) {
      const caller = await callerOf(request, access).catch(() => undefined)
      return caller !== undefined && isModerator(caller)
    },
  }

  return async (app) => {
    await app.register(rateLimit, {
      global: false,
      store: requestWindows(options.clock, addresses),
      keyGenerator: ({ ip }) => networkOf(ip),
      errorResponseBuilder: (_request, { ttl }) =>
        new RabbleError(
          'rate-limited',
          `no more than ${roomsPerAddress} new rooms an hour from one address`,
          {
            retryAfter: ttl,
          },
        ),
    })
    app.post(
      '/api/rooms',
      { schema: createSchema, config: { rateLimit: creation } },
      async (request, reply) => {
        const { name } = request.body
        checkRoomName(name)
        const settings = settingsOf(request.body)
        const row = await changes.run(request, 'room.create', async (change) => {
          if (roomCreation === 'moderators' && !isModerator(change.caller)) {
            throw new RabbleError('forbidden', 'only moderators may create rooms here')
          }
          return createRoom(change, name, settings)
        })
        return reply.code(201).send(roomReplyOf(row, 0))
      },
    )

    app.get('/api/rooms', { schema: listSchema }, async (request) => {
      checkLine('q', request.query.q ?? '')
      const caller = await reader(request)
      const viewer = {
        ...(caller !== undefined && { user: caller.user.id }),
        all: caller !== undefined && isModerator(caller),
      }
      const sharers = sharersOf(request.ip, caller?.user.id)
      return reads.run('rooms', () => listRooms(database, request.query, viewer), sharers)
    })

    app.get('/api/rooms/:room', { schema: findSchema }, async (request) => {
      const { room } = request.params
      checkRoomName(room)
      const caller = await reader(request)
      const find = async () => {
        const { query } = database
        const row = await findRoom(query, room, caller)
        return roomReplyOf(row, await countOf(query, room))
      }
      return reads.run('room', find, sharersOf(request.ip, caller?.user.id))
    })

    app.patch('/api/rooms/:room', { schema: changeSchema }, async (request) => {
      const { room } = request.params
      checkRoomName(room)
      const settings = settingsOf(request.body)
      return changes.run(request, 'room.change', async (change) =>
        roomReplyOf(await changeRoom(change, room, settings), await countOf(change.query, room)),
      )
    })

    app.delete('/api/rooms/:room', { schema: deleteSchema }, async (request, reply) => {
      const { room } = request.params
      checkRoomName(room)
      await changes.run(request, 'room.delete', (change) => deleteRoom(change, room))
      return reply.code(204).send()
    })

    const invitation = '/api/rooms/:room/invitations/:user'
    app.put(invitation, { schema: invitationSchema('Invite a user') }, async (request, reply) => {
      const { room, user } = request.params
      checkRoomName(room)
      checkUserId(user)
      await changes.run(request, 'invite', (change) => invite(change, room, user))
      return reply.code(204).send()
    })

    app.delete(
      invitation,
      { schema: invitationSchema('Take an invitation back') },
      async (request, reply) => {
        const { room, user } = request.params
        checkRoomName(room)
        checkUserId(user)
        await changes.run(request, 'uninvite', (change) => uninvite(change, room, user))
        return reply.code(204).send()
      },
    )
  }
}

/** Returns the settings in a request's body. */
function settingsOf({
  topic,
  capacity,
  access,
  single,
  announce,
  receipts,
  mentionAll,
  retention,
}: RoomSettings): RoomSettings {
  checkLine('topic', topic ?? '')
  return {
    ...(topic !== undefined && { topic }),
    ...(capacity !== undefined && { capacity }),
    ...(access !== undefined && { access }),
    ...(single !== undefined && { single }),
    ...(announce !== undefined && { announce }),
    ...(receipts !== undefined && { receipts }),
    ...(mentionAll !== undefined && { mentionAll }),
    ...(retention !== undefined && {
      retention: retention && {
        ...(typeof retention.days === 'number' && { days: retention.days }),
        ...(typeof retention.messages === 'number' && { messages: retention.messages }),
      },
    }),
  }
}
