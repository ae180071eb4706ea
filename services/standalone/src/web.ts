import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** Folder of the page as Vite has built it, seen from dist/src. */
const site = new URL('../../../../web/dist/site/', import.meta.url)

/** Allows only own files, no inline code, and text only through text nodes. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  // The page registers its service worker by this policy, which allows only that one URL.
  'trusted-types rabble-worker',
].join('; ')

/** Serves the chat page at `/`, and the descriptions of the interfaces at `/api/docs`. Files below `/assets/` have names that change with their content. */
export async function serveWeb(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: fileURLToPath(site),
    setHeaders(reply, path) {
      const hashed = path.includes('/dist/site/assets/')
      reply.headers({
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      })
    },
    cacheControl: false,
    dotfiles: 'ignore',
    logLevel: 'warn',
  })
  app.get('/api/docs', { logLevel: 'warn' }, (_request, reply) => reply.sendFile('api/docs.html'))
}
