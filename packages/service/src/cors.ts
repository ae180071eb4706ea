import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { Origins } from './origin.ts'

/** Time (s) for which browsers cache the answer to a preflight; Chromium's maximum. */
const preflightAge = 7_200

/** Paths of connections. */
const connectionPaths: ReadonlySet<string> = new Set(['/sse', '/poll'])
/** Paths of SignalR's hub. Its clients send cookies with all requests, and need leave for that, as those of Socket.IO may. */
const hubPath = /^\/chathub(\/|\/negotiate)?$/i

/**
 * Lets pages of these origins send requests to the paths below `/api/` and to those of connections, and read the answers
 * (https://fetch.spec.whatwg.org/#cors-protocol). They show a token, so cookies are allowed only where the session is kept in
 * one, and for clients of SignalR.
 */
export function allowOrigins(app: FastifyInstance, allowed: Origins): void {
  app.register(cors, {
    delegator(request, callback) {
      const { origin } = request.headers
      const [path = ''] = request.url.split('?', 1)
      callback(null, {
        origin: origin !== undefined && isOpen(path) && allowed.has(origin),
        credentials: path === '/api/session' || path === '/socket.io/' || hubPath.test(path),
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allowedHeaders: [
          'Authorization',
          'Content-Type',
          'Idempotency-Key',
          'Last-Event-ID',
          // The clients of SignalR send these.
          'X-Requested-With',
          'X-SignalR-User-Agent',
        ],
        exposedHeaders: ['Retry-After'],
        maxAge: preflightAge,
        strictPreflight: false,
      })
    },
  })
}

function isOpen(path: string): boolean {
  const isBelow = path.startsWith('/api/') || path.startsWith('/socket.io/')
  return isBelow || connectionPaths.has(path) || hubPath.test(path)
}
