import type { Agent } from 'node:http'
import type { Clock } from '@rabble/clock'
import { type HttpAnswer, httpCall } from './http-call.ts'
import type { Tracing } from './tracing/tracing.ts'
import { signWebhook } from './webhook-signature.ts'
import { withTimeout } from './with-timeout.ts'

/** A program of the operator that gets requests over HTTP, and what is known of it. */
export interface SignedPostOptions {
  url: URL
  /** Keys that sign the requests; see `signWebhook`. */
  secret: string
  /** Time limit (ms) of an answer, to its last byte. */
  timeout: number
  /** Maximum size (bytes) of the body of an answer. A longer one is cut. */
  maxBytes: number
  /** Connections that are used. Default: those that all calls of the process share. */
  agent?: Agent
  /** See `HttpCall`. Default: the request is not traced. */
  tracing?: Tracing | undefined
  clock: Clock
  /** Gives up the request when it aborts. */
  signal: AbortSignal
}

/**
 * Sends JSON to a program of the operator, signed for this moment. `id` is the value of `webhook-id`: the program may get the same
 * request twice, and recognizes it by that. Redirects are not followed.
 * @throws DOMException `TimeoutError`, the reason of the signal, or the error of the connection. No message has the URL, which may
 * hold a secret.
 */
export function postSigned(
  { id, body }: { id: string; body: string | Buffer },
  { url, secret, timeout, clock, signal, ...options }: SignedPostOptions,
): Promise<HttpAnswer> {
  const timestamp = Math.floor(clock.now() / 1000)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'rabble',
    ...signWebhook({ id, timestamp, body, secret }),
  }
  const call = { ...options, method: 'POST', headers, body, mayRepeat: true } as const
  return withTimeout(clock, timeout, (late) => httpCall(url, { ...call, signal: late }), signal)
}
