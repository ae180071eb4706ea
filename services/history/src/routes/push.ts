import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type ErrorCode,
  PushEndRequest,
  PushReply,
  PushSubscriptionRequest,
  RabbleError,
} from '@rabble/contract'
import { described, requireCaller, sharersOf } from '@rabble/service'
import { hasValidKeys, serviceOf } from '../push/endpoint.ts'
import type { PushConfig } from '../push/push.ts'
import { endSubscription, saveSubscription } from '../push/subscriptions.ts'
import type { RoutesOptions } from './history.ts'
import { createReads, type ReadLimits } from './reads.ts'

/** A page asks once when it is opened. */
const limits: ReadLimits = {
  active: 2,
  waiting: 200,
  each: { active: 1, waiting: 20, rest: 1 },
  deadline: 4_000,
}

const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']

const keySchema = described({
  summary: 'Get the public key of pushes',
  caller: 'nobody',
  answers: { 200: PushReply },
  errors: [],
})
const saveSchema = {
  body: PushSubscriptionRequest,
  ...described({
    summary: 'Save a subscription to pushes',
    caller: 'user',
    answers: { 204: undefined },
    errors: [...errors, 'not-found'],
  }),
}
const endSchema = {
  body: PushEndRequest,
  ...described({
    summary: 'End a subscription to pushes',
    caller: 'user',
    answers: { 204: undefined },
    errors,
  }),
}

/** Routes by which the page of a user subscribes this browser to pushes. Without keys there are none, and nothing is stored. */
export function pushRoutes(
  options: RoutesOptions & { push: PushConfig | undefined },
): FastifyPluginAsyncTypebox {
  const { database, access, push } = options
  const work = createReads(limits, options)

  return async (app) => {
    app.get('/api/push', { schema: keySchema }, async () =>
      push === undefined ? {} : { publicKey: push.publicKey },
    )

    app.put('/api/push/subscription', { schema: saveSchema }, async (request, reply) => {
      const { user } = await requireCaller(request, { ...access, allowedOrigins: new Set() })
      if (push === undefined) throw new RabbleError('not-found', 'this server sends no pushes')
      const { endpoint, keys } = request.body
      if (serviceOf(endpoint, push.hosts) === undefined)
        throw new RabbleError('bad-frame', 'endpoint must be a URL of a push service that is known here')
      if (!hasValidKeys(keys))
        throw new RabbleError(
          'bad-frame',
          'keys must be those of a browser: p256dh a point of P-256, auth 16 bytes, both base64url',
        )
      const subscription = { endpoint, ...keys }
      const save = () => saveSubscription(database, user.id, subscription)
      await work.run('push-subscription', save, sharersOf(request.ip, user.id))
      return reply.code(204).send()
    })

    app.delete('/api/push/subscription', { schema: endSchema }, async (request, reply) => {
      const { user } = await requireCaller(request, { ...access, allowedOrigins: new Set() })
      const { endpoint } = request.body
      const end = () => endSubscription(database, user.id, endpoint)
      await work.run('push-subscription', end, sharersOf(request.ip, user.id))
      return reply.code(204).send()
    })
  }
}
