import { type Agent, type IncomingHttpHeaders, request as overPlain } from 'node:http'
import { request as overTls } from 'node:https'

/** A request to another service, or to a program of the operator. Redirects are not followed. */
export interface HttpCall {
  method: 'GET' | 'POST' | 'DELETE'
  headers: Record<string, string>
  body?: string
  /** Whether the call changes nothing, and so may be carried out twice. Default: false. */
  readsOnly?: boolean
  /** Maximum size (bytes) of the body of the answer. Default: no limit. */
  maxBytes?: number
  /** Connections that are used, of the kind of the URL. Default: those that all calls of the process share. */
  agent?: Agent
  /** Gives up the call when it aborts. */
  signal: AbortSignal
}

export interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/**
 * Makes a call to another service, over a connection that is kept for the next one. Services call each other so often that `fetch`
 * would take several times as much of the CPU for its streams.
 *
 * The server may close a kept connection just as the next call goes out. A call that only reads is repeated then, over another one.
 * @throws the reason of the signal, RangeError if the answer is too large, or the error of the connection: the call may have been
 * carried out
 */
export function httpCall(url: URL, options: HttpCall): Promise<HttpAnswer> {
  const {
    method,
    headers,
    body,
    readsOnly = false,
    maxBytes = Number.POSITIVE_INFINITY,
    agent,
    signal,
  } = options
  const request = url.protocol === 'https:' ? overTls : overPlain
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(signal.aborted ? signal.reason : error)
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    let answered = false
    const sent = { method, headers: { ...headers, ...length }, signal, ...(agent && { agent }) }
    const call = request(url, sent, (response) => {
      answered = true
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= maxBytes) chunks.push(chunk)
        else response.destroy(new RangeError(`the answer has more than ${maxBytes} bytes`))
      })
      response.on('error', fail)
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
        })
      })
    })
    call.on('error', (error: NodeJS.ErrnoException) => {
      const wasClosed = call.reusedSocket && !answered && error.code === 'ECONNRESET'
      if (readsOnly && wasClosed && !signal.aborted) resolve(httpCall(url, options))
      else fail(error)
    })
    call.end(body)
  })
}
