import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Origins } from './origin.ts'

/** Seconds for which a browser asks only once whether it may; Chromium takes no more. */
const preflightAge = 7_200

/**
 * Lets pages of these origins ask for what is below `/api/`, and read the answers (https://fetch.spec.whatwg.org/#cors-protocol).
 * They show a token, so cookies come along only to where the session is kept in one.
 */
export function allowOrigins(app: FastifyInstance, allowed: Origins): void {
  app.register(cors, {
    delegator(request, callback) {
      const { origin } = request.headers
      const [path = ''] = request.url.split('?', 1)
      callback(null, {
        origin: origin !== undefined && path.startsWith('/api/') && allowed.has(origin),
        credentials: path === '/api/session',
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key'],
        exposedHeaders: ['Retry-After'],
        maxAge: preflightAge,
        strictPreflight: false,
      })
    },
  })
}
