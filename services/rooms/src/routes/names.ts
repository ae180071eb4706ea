import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { isUserId, RabbleError } from '@rabble/contract'
import { newGuestId } from '@rabble/contract/ids'
import { Type } from '@rabble/contract/typebox'
import { retried, transactionWithin } from '@rabble/database'
import { serviceOf } from '@rabble/service'
import type { ClaimedName, Refusal } from '../api.ts'
import { tellDisplaced } from '../jobs/notify.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import { type Claim, changeNames } from '../names/names.ts'
import type { RoutesOptions } from '../options.ts'

const limits = { active: 2, waiting: 200, deadline: 4_000 }

/** Maximum number of names that one batch claims, and that it gives back. */
const batchSize = 1000
/** Lifetime (s) of the token of a guest who said `hello`. Gateways that still need the name claim it again before the end. */
const lifetime = 24 * 60 * 60

const schema = {
  params: Type.Object({ gateway: Type.String({ minLength: 1, maxLength: 64 }) }),
  body: Type.Object({
    claim: Type.Array(
      Type.Object({
        name: Type.String(),
        user: Type.Optional(Type.String()),
        account: Type.Optional(Type.Number()),
      }),
      { maxItems: batchSize },
    ),
    release: Type.Array(Type.String(), { maxItems: batchSize }),
  }),
}

/** Routes of names, for gateways; proxies do not expose them. Status 410 means that the lease has ended. */
export function nameRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, database, tokens, internalTokens, requireToken } = options
  const work = createWork(limits, options)

  async function answerOf(
    { id, name, account }: Claim,
    refusal: Refusal | undefined,
  ): Promise<ClaimedName | Refusal> {
    if (refusal !== undefined) return refusal
    const user = { id, name }
    if (account !== undefined) return { user, expiresAt: account }
    const expiresAt = (Math.floor(clock.now() / 1000) + lifetime) * 1000
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
        if (requireToken) throw new RabbleError('forbidden', 'guests are not allowed here')
        const claims = claim.map(({ name, user, account }) => ({
          id: user ?? newGuestId(),
          name,
          ...(account !== undefined && { account }),
        }))
        if (!claims.every(({ id }) => isUserId(id)))
          throw new RabbleError('bad-frame', 'this is not the id of a user')
        const claimed = await work.run('names', (signal) =>
          retried(clock, signal, () =>
            transactionWithin(database, signal, (query) =>
              changeNames(query, gateway, { claims, release }, lifetime, clock.now()),
            ),
          ),
        )
        if (claimed === undefined) {
          return reply
            .code(410)
            .send({ statusCode: 410, code: 'lease-ended', message: 'the lease has ended' })
        }
        const { refusals, displaced } = claimed
        tellDisplaced(options, displaced)
        const answers = await Promise.all(claims.map((user, index) => answerOf(user, refusals[index])))
        return { answers }
      },
    )
  }
}
