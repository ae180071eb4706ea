import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@rabble/contract/typebox'
import { serviceOf } from '@rabble/service'
import { createWork } from '../moderation/bounded-queries.ts'
import type { RoutesOptions } from '../options.ts'
import { recordOf } from '../users/record.ts'

const limits = { active: 1, waiting: 50, deadline: 4_000 }

const params = Type.Object({ user: Type.String({ minLength: 1, maxLength: 64 }) })

/**
 * For history; proxies do not expose it:
 *
 * - `GET /internal/users/{user}` returns what the service knows of a user.
 */
export function userRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { database, internalTokens } = options
  const work = createWork(limits, options)

  return async (app) => {
    app.get('/internal/users/:user', { schema: { params }, logLevel: 'warn' }, async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
      return { record: await work.run('user', () => recordOf(database.query, request.params.user)) }
    })
  }
}
