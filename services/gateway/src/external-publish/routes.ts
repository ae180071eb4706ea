import { type ErrorCode, IdReply, RabbleError, type User, workerRequests } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { bearerToken, createRates, described, type Identity, type Tokens } from '@rabble/service'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { service } from '../messages/access.ts'
import { deletionEvent, messageEvent, noticeEvent } from './event.ts'
import { createPublishing, type Publication, type PublishHost, type PublishingOptions } from './publishing.ts'

const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']
const answer = (summary: string) =>
  described({ summary, caller: 'program', answers: { 201: IdReply }, errors: [...errors, 'too-large'] })
const headers = Type.Object({ 'idempotency-key': Type.Optional(workerRequests.message.properties.cid) })
const messageSchema = {
  params: Type.Object({ room: Type.String() }),
  headers,
  body: workerRequests.message,
  ...answer('Publish a message'),
}
const deleteSchema = {
  params: Type.Object({
    room: Type.String({ minLength: 1, maxLength: 140 }),
    id: Type.String({ minLength: 1, maxLength: 64, description: 'Id of the message.' }),
  }),
  ...described({
    summary: 'Delete a message',
    caller: 'program',
    answers: { 200: IdReply },
    errors: [...errors, 'message-not-found'],
  }),
}
const notifySchema = { headers, body: workerRequests.notify, ...answer('Publish a notice') }

export interface WorkerRoutesOptions extends PublishingOptions {
  gateway: PublishHost
  tokens: Pick<Tokens, 'verify'>
  /** Maximum rate (messages a second) of each user. */
  perSecond: number
}

/** Adds the routes by which programs publish over HTTP: messages of their own in a room, their deletion, and notifications from
 * the system. */
export function workerRoutes(options: WorkerRoutesOptions): FastifyPluginAsync {
  const { gateway, tokens } = options
  const publishing = createPublishing(options)
  const { perSecond } = options
  const rates = createRates({ perSecond }, gateway.clock)
  const route = {
    // A message that is too large for a frame would be too large for some clients as well.
    bodyLimit: gateway.limits.frameBytes,
    // The events' own check, which the queue shares, uses the same schemas.
    validatorCompiler: () => (value: unknown) => ({ value }),
  }

  /** Accepts bearer tokens only: with a cookie, any page that a user visits could publish. */
  async function authorize(request: FastifyRequest): Promise<Identity> {
    const token = bearerToken(request.headers.authorization)
    if (token === undefined) throw new RabbleError('unauthorized', 'this needs Authorization: Bearer <token>')
    const refused = (error: unknown, user?: User) => {
      if (error instanceof RabbleError && error.code !== 'unavailable') {
        gateway.auditRefusal({ code: error.code, address: request.ip }, user)
      }
      return error
    }
    const caller = await tokens.verify(token).catch((error: unknown) => {
      throw refused(error)
    })
    const { user, roles } = caller
    if (!roles.includes(service)) {
      throw refused(new RabbleError('forbidden', `this needs a token with the role ${service}`), user)
    }
    const retryAfter = rates.take(user.id)
    if (retryAfter > 0) {
      throw new RabbleError('rate-limited', `no more than ${perSecond} messages a second`, { retryAfter })
    }
    return caller
  }

  function publish(request: FastifyRequest, prepare: (user: User, key: string | undefined) => Publication) {
    return publishing('http', async () => {
      const { user } = await authorize(request)
      const publication = prepare(user, idempotencyKey(request))
      // The user is also checked for notifications, where the system speaks for the user.
      await gateway.checkWriter(user.id, publication.event.room)
      return publication
    })
  }

  return async (app) => {
    const message = { ...route, schema: messageSchema }
    app.post<{ Params: { room: string } }>('/api/rooms/:room/messages', message, async (request, reply) => {
      const { id } = await publish(request, (user, key) => {
        const event = messageEvent(gateway, user, request.params.room, request.body, key)
        return { event, actor: user, action: 'service.message' }
      })
      return reply.code(201).send({ id })
    })

    const deletion = { schema: deleteSchema }
    app.delete<{ Params: { room: string; id: string } }>(
      '/api/rooms/:room/messages/:id',
      deletion,
      async (request) => {
        const { room, id } = request.params
        const event = await publishing('http', async () => {
          const caller = await authorize(request)
          await gateway.checkWriter(caller.user.id, room)
          const found = await deletionEvent(gateway, caller, room, id)
          return { ...found, actor: caller.user, action: 'service.delete' }
        })
        return { id: event.id }
      },
    )

    const notify = { ...route, schema: notifySchema }
    app.post('/api/notify', notify, async (request, reply) => {
      const { id } = await publish(request, (user, key) => {
        const event = noticeEvent(gateway, request.body, key, user)
        return { event, actor: user, action: 'service.notify' }
      })
      return reply.code(201).send({ id })
    })
  }
}

function idempotencyKey({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key']
  return Array.isArray(key) ? key.join(', ') : key
}
