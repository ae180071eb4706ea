import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Time limit (ms) for a connection to another gateway. */
const connectTimeout = 2_000
/** Time limit (ms) for the answer, besides the time that a request may wait for frames. */
const answerTimeout = 5_000
/** Silence (ms) after which a stream is cut: its gateway, which writes something every 15 s, has vanished. */
const longestSilence = 40_000
/** Marks a request that was passed on, so that it is not passed on again. */
const forwardedHeader = 'rabble-forwarded'
/**
 * Names a request of a client. Nginx sends a request again, with the same id, if the gateway that passed it on dies before its answer
 * has come. A poll may have got its answer from the gateway of the session by then.
 */
const requestIdHeader = 'rabble-request-id'
const agent = new Agent({ keepAlive: true })

/**
 * Headers that are passed on. Others could say something else about the body than this gateway does, or name headers of one
 * connection.
 */
const passedHeaders = [
  ...['accept', 'authorization', 'content-type', 'cookie', 'host', 'last-event-id', 'origin', 'user-agent'],
  requestIdHeader,
  ...['sec-websocket-extensions', 'sec-websocket-key', 'sec-websocket-protocol', 'sec-websocket-version'],
]

/** Headers of the answer that are of one connection, which the next one sets for itself (RFC 9110, section 7.6.1). */
const hopHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'upgrade',
])

export function wasForwarded(request: FastifyRequest): boolean {
  return request.headers[forwardedHeader] !== undefined
}

/** Returns the id that the proxy gave to a request, if it did. */
export function requestId({ headers }: FastifyRequest): string | undefined {
  return headers[requestIdHeader] as string | undefined
}

/**
 * Passes a request on to the gateway at `url`. `wait` is the time (ms) that it may wait for frames there. Resolves with the answer,
 * whose body is not read yet. A body that is a stream is sent as it comes.
 * @throws Error if there is no connection or no answer in time, or the connection ends before the answer
 */
export function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  url: string,
  { body, wait = 0 }: { body?: Buffer | Readable | undefined; wait?: number | undefined } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = headersFor(request)
    const isStream = body !== undefined && !Buffer.isBuffer(body)
    if (!isStream) headers['content-length'] = body?.length ?? 0
    const passed = httpRequest(url, { method: request.method, path: pathOf(request, url), headers, agent })
    limitTimes(passed, url, answerTimeout + wait)
    passed.on('response', resolve)
    passed.on('error', reject)
    reply.raw.once('close', () => passed.destroy())
    if (isStream) body.pipe(passed)
    else passed.end(body)
  })
}

/** Resolves with the answer of another gateway, or undefined if there is none, and counts which. */
export async function countAnswer<T>(
  answer: Promise<T>,
  reply: FastifyReply,
  count: (answered: boolean) => void,
): Promise<T | undefined> {
  const result = await answer.catch(() => undefined)
  // That the client has gone meanwhile is no failure of the other gateway.
  if (result !== undefined || !reply.raw.destroyed) count(result !== undefined)
  return result
}

/** Answers with the other gateway's answer. */
export function answerWith(answer: IncomingMessage, reply: FastifyReply): void {
  reply.hijack()
  const { raw } = reply
  const headers = Object.entries(answer.headers).filter(([name]) => !hopHeaders.has(name))
  raw.writeHead(answer.statusCode ?? 502, { ...reply.getHeaders(), ...Object.fromEntries(headers) } as never)
  raw.flushHeaders()
  const silent = setTimeout(() => raw.destroy(), longestSilence)
  answer.on('data', () => silent.refresh())
  // Either end may go at any time: the other one goes too.
  answer.on('error', () => raw.destroy())
  raw.on('error', () => {})
  raw.on('close', () => {
    clearTimeout(silent)
    answer.destroy()
  })
  answer.pipe(raw)
}

/** Answer of another gateway to a request for a WebSocket: a connection, or a refusal. */
export interface UpgradeAnswer {
  answer: IncomingMessage
  /** The connection, and what came over it already. */
  upgraded?: { socket: Socket; head: Buffer }
}

/**
 * Passes a request for a WebSocket on to the gateway at `url`.
 * @throws Error if there is no connection or no answer in time, or the connection ends before the answer
 */
export function forwardUpgrade(request: FastifyRequest, url: string): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { ...headersFor(request), connection: 'Upgrade', upgrade: 'websocket' }
    const passed = httpRequest(url, { path: pathOf(request, url), headers, agent: false })
    limitTimes(passed, url, answerTimeout)
    passed.on('upgrade', (answer, socket, head) =>
      resolve({ answer, upgraded: { socket: socket as Socket, head } }),
    )
    passed.on('response', (answer) => resolve({ answer }))
    passed.on('error', reject)
    request.raw.socket.once('close', () => passed.destroy())
    passed.end()
  })
}

/** Answers a client's request for a WebSocket like the other gateway, and passes on all that follows, both ways. */
export function joinUpgraded(
  client: Socket,
  head: Buffer,
  answer: IncomingMessage,
  { socket, head: first }: { socket: Socket; head: Buffer },
): void {
  const headers = answer.rawHeaders.map((text, n) => (n % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
  client.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`, 'latin1')
  client.write(first)
  socket.write(head)
  for (const [one, other] of [
    [client, socket],
    [socket, client],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
    one.pipe(other)
  }
}

/** Returns the headers with which a request is passed on. The address and the scheme of the client are those that count here. */
function headersFor(request: FastifyRequest): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    [forwardedHeader]: '1',
    'x-forwarded-for': request.ip,
    'x-forwarded-proto': request.protocol,
  }
  for (const name of passedHeaders) {
    const value = request.headers[name]
    if (value !== undefined) headers[name] = value
  }
  return headers
}

/** Returns the path and the query of a request, whose target may name any host (RFC 9112, section 3.2.2). */
function pathOf(request: FastifyRequest, url: string): string {
  const { pathname, search } = new URL(request.url, url)
  return pathname + search
}

/** Ends a request that has no connection, or no answer within `timeout` (ms), in time. */
function limitTimes(passed: ClientRequest, url: string, timeout: number): void {
  passed.on('socket', (socket) => {
    if (!socket.connecting) return
    const late = () => passed.destroy(new Error(`no connection to ${url} in ${connectTimeout} ms`))
    socket.setTimeout(connectTimeout, late)
    socket.once('connect', () => socket.setTimeout(0))
  })
  const late = () => passed.destroy(new Error(`no answer of ${url} in ${timeout} ms`))
  const timer = setTimeout(late, timeout)
  for (const end of ['response', 'upgrade', 'close']) passed.once(end, () => clearTimeout(timer))
}
