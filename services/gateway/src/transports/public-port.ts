import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '@rabble/clock'
import { createRates, networkOf, type Origins } from '@rabble/service'
import type { FastifyInstance } from 'fastify'

/** Rate (a second) and burst of new connections of one address, as Nginx allows them by default. */
const opening = { perSecond: 200, burst: 2_000 }
/** Time limits (ms) of a request, and the interval of checks for requests that are over them. */
const timeouts = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 5_000 }

export interface PublicPortOptions {
  host: string
  port: number
  /** Maximum number of connections, over all addresses. */
  connections: number
  /** Maximum number of connections of one address (IPv6: network). */
  perAddress: number
  /** Whether an address is that of a trusted proxy, which limits its clients and tells their addresses. */
  isProxy(address: string): boolean
  /**
   * Origins of pages that may connect. They are compared before the handshake: a page that is refused so goes back to the address that it
   * came from, while the close code of a refused origin would be final.
   */
  allowedOrigins: Origins
  /** Called for each connection that is refused. */
  refused(reason: 'address' | 'origin'): void
  clock: Clock
}

/**
 * Opens a port for clients that come without Nginx, when the app is ready. It takes WebSockets at `/ws`, which the app serves like its
 * own, and nothing else: metrics and the routes between services stay out of reach. The limits of each address are those that Nginx
 * has for its clients.
 */
export function openPublicPort(app: FastifyInstance, options: PublicPortOptions): void {
  const { allowedOrigins, isProxy, refused } = options
  const server = createServer(timeouts, (_request, response) => {
    response.writeHead(404, { connection: 'close' }).end()
  })
  server.maxConnections = options.connections
  limitAddresses(server, options)
  server.on('upgrade', (request, socket, head) => {
    const { headers } = request
    const { origin } = headers
    // The app may believe them: the networks of its own proxies may be those of clients here.
    if (!isProxy(request.socket.remoteAddress ?? ''))
      for (const name of Object.keys(headers)) if (name.startsWith('x-forwarded-')) delete headers[name]
    // The rest of the target is a query, if any (RFC 9112, section 3.2.1).
    const isKnown = /^\/ws(\?|$)/.test(request.url ?? '')
    if (isKnown && (origin === undefined || allowedOrigins.has(origin))) {
      app.server.emit('upgrade', request, socket, head)
      return
    }
    if (isKnown) refused('origin')
    const status = isKnown ? '403 Forbidden' : '404 Not Found'
    socket.on('error', () => {})
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
  })
  app.addHook('onReady', async () => {
    const { host, port } = options
    server.listen({ host, port })
    await once(server, 'listening')
  })
  app.addHook('preClose', (done) => {
    server.close()
    // Not the WebSockets, which the gateway has closed, with a code.
    server.closeAllConnections()
    done()
  })
}

/** Ends connections of addresses that have too many, or open too many, before anything is read from them. */
function limitAddresses(server: Server, { perAddress, isProxy, refused, clock }: PublicPortOptions): void {
  const counts = new Map<string, number>()
  const rates = createRates(opening, clock)
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket
    // A connection that is gone already has no address.
    if (remoteAddress === undefined || isProxy(remoteAddress)) return
    const network = networkOf(remoteAddress)
    const count = (counts.get(network) ?? 0) + 1
    if (count > perAddress || rates.take(network) > 0) {
      refused('address')
      socket.destroy()
      return
    }
    counts.set(network, count)
    socket.once('close', () => {
      const rest = (counts.get(network) ?? 0) - 1
      if (rest > 0) counts.set(network, rest)
      else counts.delete(network)
    })
  })
}
