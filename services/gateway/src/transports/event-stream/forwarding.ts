import { Agent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Time limit (ms) for a connection to another gateway. */
const connectTimeout = 2_000
/** Time limit (ms) for the answer, besides the time that a request may wait for frames. */
const answerTimeout = 5_000
/** Marks a request that was passed on, so that it is not passed on again. */
const forwardedHeader = 'rabble-forwarded'
const agent = new Agent({ keepAlive: true })

/**
 * Headers that are passed on. Others could say something else about the body than this gateway does, name headers of one
 * connection, or be secrets that the other gateway does not need.
 */
const passedHeaders = ['last-event-id', 'content-type', 'origin', 'x-forwarded-for', 'x-forwarded-proto']

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

/**
 * Passes a request on to the gateway at `url`. `wait` is the time (ms) that it may wait for frames there. Resolves with the answer,
 * whose body is not read yet.
 * @throws Error if there is no connection or no answer in time, or the connection ends before the answer
 */
export function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  url: string,
  { body, wait = 0 }: { body?: Buffer | undefined; wait?: number | undefined } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers: OutgoingHttpHeaders = { [forwardedHeader]: '1', 'content-length': body?.length ?? 0 }
    for (const name of passedHeaders) {
      const value = request.headers[name]
      if (value !== undefined) headers[name] = value
    }
    // The target of the request may name any host (RFC 9112, section 3.2.2): only its path counts.
    const { pathname, search } = new URL(request.url, url)
    const passed = httpRequest(url, { method: request.method, path: pathname + search, headers, agent })
    passed.on('socket', (socket) => {
      if (!socket.connecting) return
      const late = () => passed.destroy(new Error(`no connection to ${url} in ${connectTimeout} ms`))
      socket.setTimeout(connectTimeout, late)
      socket.once('connect', () => socket.setTimeout(0))
    })
    const late = () => passed.destroy(new Error(`no answer of ${url} in time`))
    const timer = setTimeout(late, answerTimeout + wait)
    passed.on('response', (answer) => {
      clearTimeout(timer)
      resolve(answer)
    })
    passed.on('error', reject)
    passed.on('close', () => clearTimeout(timer))
    reply.raw.once('close', () => passed.destroy())
    passed.end(body)
  })
}

/** Answers with the other gateway's answer. */
export function answerWith(answer: IncomingMessage, reply: FastifyReply): void {
  reply.hijack()
  const { raw } = reply
  const headers = Object.entries(answer.headers).filter(([name]) => !hopHeaders.has(name))
  raw.writeHead(answer.statusCode ?? 502, { ...reply.getHeaders(), ...Object.fromEntries(headers) } as never)
  raw.flushHeaders()
  // Either end may go at any time: the other one goes too.
  answer.on('error', () => raw.destroy())
  raw.on('error', () => {})
  raw.on('close', () => answer.destroy())
  answer.pipe(raw)
}
