import { type Agent, type IncomingHttpHeaders, request as overPlain } from 'node:http'
import { request as overTls } from 'node:https'
import type { Tracing } from './tracing/tracing.ts'

/** A request to another service, or to a program of the operator. Redirects are not followed. */
export interface HttpCall {
  method: 'GET' | 'POST' | 'DELETE'
  headers: Record<string, string>
  body?: string | Buffer
  /** Whether the call may be carried out twice, because it changes nothing or has a name. Default: false. */
  mayRepeat?: boolean
  /** Maximum size (bytes) of the body of the answer. A longer one is cut. Default: no limit. */
  maxBytes?: number
  /** Connections that are used, of the kind of the URL. Default: those that all calls of the process share. */
  agent?: Agent
  /** Traces the call, if the work for which it is made is traced, and tells the other side. Default: it is not traced. */
  tracing?: Tracing | undefined
  /** Gives up the call when it aborts. */
  signal: AbortSignal
}

export interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  /** Whether the body was longer than `maxBytes`, and ends there. */
  isCut: boolean
}

/**
 * Makes a call to another service, over a connection that is kept for the next one. Services call each other so often that `fetch`
 * would take several times as much of the CPU for its streams.
 *
 * The server may close a kept connection just as the next call goes out. A call that may be repeated is repeated then, over another
 * one.
 * @throws the reason of the signal, or the error of the connection (of the first address, if a host has several): the call may have
 * been carried out
 */
export function httpCall(url: URL, options: HttpCall): Promise<HttpAnswer> {
  const { method, headers, tracing } = options
  const span = tracing?.part(`${method} ${url.hostname}`, 'client', {
    'http.request.method': method,
    'server.address': url.hostname,
  })
  if (tracing === undefined || span === undefined) return send(url, options)
  return tracing.during(span, async () => {
    const answer = await send(url, { ...options, headers: { ...headers, traceparent: span.traceparent } })
    span.set({ 'http.response.status_code': answer.status })
    return answer
  })
}

function send(url: URL, options: HttpCall): Promise<HttpAnswer> {
  const {
    method,
    headers,
    body,
    mayRepeat = false,
    maxBytes = Number.POSITIVE_INFINITY,
    agent,
    signal,
  } = options
  const request = url.protocol === 'https:' ? overTls : overPlain
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      // Its own message is empty.
      const first = error instanceof AggregateError ? error.errors[0] : error
      reject(signal.aborted ? signal.reason : first)
    }
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    let answered = false
    const sent = { method, headers: { ...headers, ...length }, signal, ...(agent && { agent }) }
    const call = request(url, sent, (response) => {
      answered = true
      const chunks: Buffer[] = []
      let bytes = 0
      const answer = (isCut: boolean) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
          isCut,
        })
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= maxBytes) {
          chunks.push(chunk)
          return
        }
        chunks.push(chunk.subarray(0, chunk.length - (bytes - maxBytes)))
        answer(true)
        response.destroy()
      })
      response.on('error', fail)
      response.on('end', () => answer(false))
    })
    call.on('error', (error: NodeJS.ErrnoException) => {
      const wasClosed = call.reusedSocket && !answered && error.code === 'ECONNRESET'
      if (mayRepeat && wasClosed && !signal.aborted) resolve(send(url, options))
      else fail(error)
    })
    call.end(body)
  })
}
