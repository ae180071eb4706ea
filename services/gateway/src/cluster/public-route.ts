import { RabbleError, RouteReply } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { described } from '@rabble/service'
import type { FastifyPluginAsync } from 'fastify'

export interface RouteHost {
  /** Returns the public WebSocket of a gateway for a client to connect to, rather another one than `not`; undefined: none has one. */
  publicUrl(not?: string): string | undefined
}

const schema = {
  querystring: Type.Object({ not: Type.Optional(Type.String({ maxLength: 256 })) }),
  ...described({
    summary: 'Find a gateway',
    caller: 'nobody',
    answers: { 200: RouteReply },
    errors: ['bad-frame', 'not-found'],
  }),
}

/** Adds the route that tells clients where a gateway can be reached without the proxy. */
export function publicRoute(host: RouteHost): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: { not?: string } }>('/api/route', { schema }, async (request, reply) => {
      const url = host.publicUrl(request.query.not)
      if (url === undefined) throw new RabbleError('not-found', 'no gateway has a public address of its own')
      // The load changes with each answer.
      return reply.header('cache-control', 'no-store').send({ url })
    })
  }
}
