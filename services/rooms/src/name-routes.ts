import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { isUserId, RabbleError } from '@rabble/contract'
import { newGuestId } from '@rabble/contract/ids'
import { retried, transactionWithin } from '@rabble/database'
import { serviceOf } from '@rabble/service'
import type { ClaimedName, Refusal } from './client.ts'
import { claimNames, releaseNames } from './names.ts'
import type { RoutesOptions } from './options.ts'
import { createWork } from './work.ts'

const limits = { active: 2, waiting: 200, deadline: 4_000 }

/** Names that one batch claims and gives back. */
const batchSize = 1000
/** Seconds for which a guest who said hello has a token; gateways that still need the name claim it again before. */
const lifetime = 24 * 60 * 60

const schema = {
  params: Type.Object({ gateway: Type.String({ minLength: 1, maxLength: 64 }) }),
  body: Type.Object({
    claim: Type.Array(Type.Object({ name: Type.String(), user: Type.Optional(Type.String()) }), {
      maxItems: batchSize,
    }),
    release: Type.Array(Type.String(), { maxItems: batchSize }),
  }),
}

/** Names of guests, for gateways; no proxy routes this from outside. 410 says that the lease has ended. */
export function nameRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { database, tokens, internalTokens, requireToken } = options
  const work = createWork(limits, options)

  async function answerOf(
    user: { id: string; name: string },
    refusal: Refusal | undefined,
  ): Promise<ClaimedName | Refusal> {
    if (refusal !== undefined) return refusal
    const expiresAt = (Math.floor(Date.now() / 1000) + lifetime) * 1000
    return { user, token: await tokens.signGuest(user, lifetime), expiresAt }
  }

  return async (app) => {
    app.addHook('onRequest', async (request) => {
      await serviceOf(request.headers.authorization, internalTokens)
    })

    app.post(
      '/internal/gateways/:gateway/names',
      { schema, bodyLimit: 1024 * 1024, logLevel: 'warn' },
      async (request, reply) => {
        const { gateway } = request.params
        const { claim, release } = request.body
        if (requireToken) throw new RabbleError('forbidden', 'guests are not welcome here')
        const claims = claim.map(({ name, user }) => ({ id: user ?? newGuestId(), name }))
        if (!claims.every(({ id }) => isUserId(id))) throw new RabbleError('bad-frame', 'no id of a user')
        const refusals = await work.run('names', (signal) =>
          retried(signal, () =>
            transactionWithin(database, signal, async (query) => {
              // The sweeper locks the lease before it takes the names away.
              const lease = await query(
                'select 1 from rooms.leases where gateway = $1 and isfinite(expires_at) for share',
                [gateway],
              )
              if (lease.length === 0) return undefined
              await releaseNames(query, gateway, release)
              return claimNames(query, claims, { gateway }, lifetime)
            }),
          ),
        )
        if (refusals === undefined) {
          return reply
            .code(410)
            .send({ statusCode: 410, code: 'lease-ended', message: 'the lease has ended' })
        }
        const answers = await Promise.all(claims.map((user, index) => answerOf(user, refusals[index])))
        return { answers }
      },
    )
  }
}
