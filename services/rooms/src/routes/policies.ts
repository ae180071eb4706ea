import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isRoomName, RabbleError } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { retried } from '@rabble/database'
import { serviceOf } from '@rabble/service'
import { recordAudit } from '../audit/audit.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import type { RoutesOptions } from '../options.ts'
import { changesSince } from '../policies/policies.ts'
import { compareFormer } from '../rooms/former-rooms.ts'
import { hiddenFrom, readableOf } from '../rooms/readers.ts'
import { retentionsAfter } from '../rooms/room-retention.ts'

const limits = { active: 2, waiting: 200, deadline: 4_000 }

const name = Type.String({ maxLength: 256 })
const policySchema = {
  querystring: Type.Object({
    since: Type.Integer({ minimum: 0, maximum: 2 ** 53 - 1 }),
    loading: Type.Boolean({ default: false }),
  }),
}
const retentionSchema = { querystring: Type.Object({ after: Type.String({ maxLength: 128, default: '' }) }) }
const readableSchema = {
  body: Type.Object({
    rooms: Type.Array(Type.String({ maxLength: 140 }), { maxItems: 100 }),
    user: Type.Optional(name),
    moderator: Type.Optional(Type.Boolean()),
  }),
}
const hiddenSchema = {
  querystring: Type.Object({
    user: Type.Optional(name),
    after: Type.String({ maxLength: 128, default: '' }),
  }),
}
const formerSchema = {
  body: Type.Object({
    // Names in history may be any string.
    after: Type.String(),
    through: Type.Optional(Type.String()),
    names: Type.Array(Type.String({ maxLength: 128 }), { maxItems: 1000 }),
  }),
}
const auditSchema = {
  body: Type.Object({
    entries: Type.Array(
      Type.Object({
        actor: Type.Object({ id: name, name }),
        action: Type.String({ pattern: '^[a-z][a-z.-]{0,63}$' }),
        room: Type.Optional(Type.String({ maxLength: 140 })),
        user: Type.Optional(name),
        detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      }),
      { maxItems: 500 },
    ),
  }),
}

/**
 * Routes for gateways and history; proxies do not expose them.
 *
 * - `GET /internal/policies?since=` returns what gateways must know of rooms and users.
 * - `GET /internal/retention` returns what history keeps of rooms.
 * - `POST /internal/readable` returns which of some rooms a user may read.
 * - `GET /internal/hidden` returns which rooms a user may not read.
 * - `POST /internal/former` receives from history which names have messages.
 * - `POST /internal/audit` records what other services report.
 */
export function policyRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, database, internalTokens } = options
  const work = createWork(limits, options)
  const quiet = { logLevel: 'warn' } as const
  return async (app) => {
    app.get('/internal/policies', { schema: policySchema, ...quiet }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      return work.run('policies', () => changesSince(database, request.query))
    })

    app.get('/internal/retention', { schema: retentionSchema, ...quiet }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      return work.run('retention', () => retentionsAfter(database, request.query.after))
    })

    app.post('/internal/readable', { schema: readableSchema, ...quiet }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      const { rooms, ...reader } = request.body
      return { rooms: await work.run('readable', () => readableOf(database.query, rooms, reader)) }
    })

    app.get('/internal/hidden', { schema: hiddenSchema, ...quiet }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      const { user, after } = request.query
      return work.run('hidden', () =>
        hiddenFrom(database.query, user, { after, onlyUsers: options.requireToken === true }),
      )
    })

    // Enough for 1,000 names.
    const former = { schema: formerSchema, bodyLimit: 1024 * 1024, ...quiet }
    app.post('/internal/former', former, async (request, reply) => {
      await serviceOf(request.headers.authorization, internalTokens)
      const { names } = request.body
      if (!names.every(isRoomName)) throw new RabbleError('bad-frame', 'names must be names of rooms')
      await work.run('former', (signal) =>
        retried(clock, signal, () => compareFormer(database, request.body)),
      )
      return reply.code(204).send()
    })

    // Enough for 500 entries with texts of some length.
    const audit = { schema: auditSchema, bodyLimit: 4 * 1024 * 1024, ...quiet }
    app.post('/internal/audit', audit, async (request, reply) => {
      await serviceOf(request.headers.authorization, internalTokens)
      await work.run('audit', (signal) =>
        retried(clock, signal, () => recordAudit(database.query, request.body.entries)),
      )
      return reply.code(204).send()
    })
  }
}
