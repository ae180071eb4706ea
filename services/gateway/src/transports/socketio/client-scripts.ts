import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'

const require = createRequire(import.meta.url)
const library = require.resolve('socket.io/package.json')
const { version } = require(library) as { version: string }

/** Builds of the library for browsers, besides those with another parser. */
const names = ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js']

/** Serves the scripts of the library where pages of Socket.IO expect them: at the path of its connections. */
export function serveClientScripts(app: FastifyInstance, path: string): void {
  // As the library's own server does it: the scripts change with its version only.
  const etag = `"${version}"`
  for (const name of names) {
    const script = readFileSync(join(dirname(library), 'client-dist', name))
    app.get(path + name, async (request, reply) => {
      reply.headers({ etag, 'cache-control': 'public, max-age=0', 'x-content-type-options': 'nosniff' })
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      return reply.type('application/javascript; charset=utf-8').send(script)
    })
  }
}
