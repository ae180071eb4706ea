import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ConversationsReply, type ErrorCode } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { described, type InternalTokens, requireCaller, serviceOf, sharersOf } from '@rabble/service'
import { contactsOf, maxContacts } from '../messages/contacts.ts'
import {
  conversationsOf,
  maxStates,
  membershipsOf,
  type Readable,
  statesOf,
} from '../messages/conversations.ts'
import { maxReceiptRooms, maxReceiptUsers, receiptsOf } from '../messages/receipts.ts'
import { throughOf } from '../messages/through.ts'
import type { RoutesOptions } from './history.ts'
import { createReads, type ReadLimits } from './reads.ts'

const pageLimits: ReadLimits = {
  active: 2,
  waiting: 200,
  each: { active: 1, waiting: 20, rest: 1 },
  deadline: 4_000,
}
/** Gateways ask about many users and rooms at once. */
const gatewayLimits: ReadLimits = { active: 2, waiting: 200, deadline: 4_000 }

/** Enough for a question about 1,000 rooms and 1,000 conversations, with the longest names. */
const bodyLimit = 4 * 1024 * 1024

const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']
const room = Type.String({ minLength: 1, maxLength: 140 })
const user = Type.String({ minLength: 1, maxLength: 64 })
const limit = Type.Integer({ minimum: 1, maximum: 200, default: 50 })

const pageSchema = {
  querystring: Type.Object({ after: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })), limit }),
  ...described({
    summary: 'List conversations',
    caller: 'user',
    answers: { 200: ConversationsReply },
    errors,
  }),
}
const listSchema = {
  params: Type.Object({ user }),
  body: Type.Object({
    limit,
    roles: Type.Array(Type.String(), { maxItems: 100 }),
    rooms: Type.Integer({ minimum: 1, maximum: maxStates }),
  }),
}
const statesSchema = {
  body: Type.Object({
    rooms: Type.Array(room, { maxItems: maxStates }),
    own: Type.Array(Type.Object({ user, room }), { maxItems: maxStates }),
  }),
}
const contactsSchema = {
  params: Type.Object({ user }),
  body: Type.Object({ users: Type.Array(user, { maxItems: maxContacts }) }),
}
const receiptsSchema = {
  body: Type.Object({
    rooms: Type.Array(
      Type.Object({ room, users: Type.Optional(Type.Array(user, { maxItems: maxReceiptUsers })) }),
      { maxItems: maxReceiptRooms },
    ),
    users: Type.Array(user, { maxItems: maxReceiptUsers }),
  }),
}

/**
 * `GET /api/conversations` for users and, for gateways:
 *
 * - `POST /internal/users/{user}/conversations` returns the first page, and the names of the user's rooms.
 * - `POST /internal/conversations` returns the present states of rooms and of users' conversations.
 * - `POST /internal/users/{user}/contacts` returns which of some users the user may see.
 * - `POST /internal/receipts` returns the present read positions in rooms, and what users show of theirs.
 */
export function conversationRoutes(
  options: RoutesOptions & { partitions: number; internalTokens: Pick<InternalTokens, 'verify'> | undefined },
): FastifyPluginAsyncTypebox {
  const { database, partitions, internalTokens, access } = options
  const pages = createReads(pageLimits, options)
  const reads = createReads(gatewayLimits, options)
  const readableBy =
    (roles: readonly string[]): Readable =>
    (id, rooms) =>
      access.readers.readable(rooms, { user: { id, name: '' }, roles })
  /** Without the rooms service, users get their counts, and no messages of rooms. */
  const readable: Readable = (user, rooms) => readableBy([])(user, rooms).catch(() => new Set<string>())

  return async (app) => {
    app.get('/api/conversations', { schema: pageSchema }, async (request, reply) => {
      const { after, limit } = request.query
      const caller = await requireCaller(request, { ...access, allowedOrigins: new Set() })
      const query = { user: caller.user.id, limit, after, readable: readableBy(caller.roles) }
      const sharers = sharersOf(request.ip, caller.user.id)
      const page = await pages.run('conversations', () => conversationsOf(database, query), sharers)
      return reply.type('application/json; charset=utf-8').send(page)
    })

    app.post(
      '/internal/users/:user/conversations',
      { schema: listSchema, logLevel: 'warn' },
      async (request, reply) => {
        await serviceOf(request.headers.authorization, internalTokens)
        const { user } = request.params
        const { limit, roles, rooms } = request.body
        const answer = await reads.run('conversations', async () => {
          // Read first, so that the offsets are never ahead of the list.
          const through = await throughOf(database, partitions)
          const page = await conversationsOf(database, { user, limit, readable: readableBy(roles) })
          const names = await membershipsOf(database, user, rooms)
          return `{"through":${JSON.stringify(through)},"page":${page},"rooms":${JSON.stringify(names)}}`
        })
        return reply.type('application/json; charset=utf-8').send(answer)
      },
    )

    app.post(
      '/internal/conversations',
      { schema: statesSchema, bodyLimit, logLevel: 'warn' },
      async (request) => {
        await serviceOf(request.headers.authorization, internalTokens)
        return reads.run('conversation-states', () =>
          statesOf(database, partitions, { ...request.body, readable }),
        )
      },
    )

    app.post(
      '/internal/users/:user/contacts',
      { schema: contactsSchema, logLevel: 'warn' },
      async (request) => {
        await serviceOf(request.headers.authorization, internalTokens)
        const asked = { user: request.params.user, users: request.body.users }
        return reads.run('contacts', () => contactsOf(database, partitions, asked))
      },
    )

    app.post(
      '/internal/receipts',
      { schema: receiptsSchema, bodyLimit, logLevel: 'warn' },
      async (request) => {
        await serviceOf(request.headers.authorization, internalTokens)
        return reads.run('receipts', () => receiptsOf(database, partitions, request.body))
      },
    )
  }
}
