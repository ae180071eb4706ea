import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AuditReply } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { checkModerator, described, requireCaller, sharersOf } from '@rabble/service'
import { auditOf } from '../audit/audit.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import type { RoutesOptions } from '../options.ts'

const limits = { active: 1, waiting: 50, each: { active: 1, waiting: 20 }, deadline: 4_000 }

const text = (maxLength: number) => Type.Optional(Type.String({ minLength: 1, maxLength }))
const schema = {
  querystring: Type.Object({
    before: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 53 - 1 })),
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
    user: text(256),
    actor: text(256),
    room: text(140),
    action: text(64),
  }),
  ...described({
    summary: 'List recorded actions',
    caller: 'moderator',
    answers: { 200: AuditReply },
    errors: ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable'],
  }),
}

/** Routes of the audit, for moderators: actions, refused logins, and reports of services. */
export function auditRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { database, tokens, allowedOrigins = new Set<string>() } = options
  const work = createWork(limits, options)
  return async (app) => {
    app.get('/api/audit', { schema }, async (request) => {
      const caller = await requireCaller(request, { tokens, allowedOrigins })
      checkModerator(caller)
      const sharers = sharersOf(request.ip, caller.user.id)
      return work.run('audit', () => auditOf(database, request.query), sharers)
    })
  }
}
