import type { Clock } from '@rabble/clock'
import { signWebhook, withTimeout } from '@rabble/service'
import type { webhookFailureReasons } from '../metrics.ts'
import type { WebhookRequest } from './portions.ts'
import type { Webhook } from './webhook.ts'

/** Time limit (ms) of a request. */
const defaultTimeout = 15_000
/** Number of bytes of an answer that are read, so that its connection can be used again. Their content doesn't matter. */
const readBytes = 64 * 1024

type FailureReason = (typeof webhookFailureReasons)[number]

/** A request that the receiver has not accepted. Its message doesn't have the URL, which may hold a secret. */
export class WebhookFailure extends Error {
  override readonly name = 'WebhookFailure'
  readonly reason: FailureReason
  constructor(reason: FailureReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * Sends a request, signed for this moment. Resolves if the status of the answer is 2xx; follows no redirects.
 * @throws WebhookFailure, also if `signal` aborts
 */
export async function post(
  { url, secret, timeout = defaultTimeout }: Webhook,
  { id, body }: WebhookRequest,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  const timestamp = Math.floor(clock.now() / 1000)
  const stop = new AbortController()
  const abort = () => stop.abort()
  // No `AbortSignal.any`: the signal outlives many requests, and would remember each of them.
  signal.addEventListener('abort', abort)
  await withTimeout(clock, timeout, async (late) => {
    late.addEventListener('abort', abort)
    try {
      if (signal.aborted) throw new Error('it was given up')
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'rabble',
          ...signWebhook({ id, timestamp, body, secret }),
        },
        body,
        redirect: 'manual',
        signal: stop.signal,
      })
      await discard(response)
      if (!response.ok) throw failureOf(response.status)
    } catch (error) {
      if (error instanceof WebhookFailure) throw error
      if (late.aborted) throw new WebhookFailure('timeout', `no answer within ${timeout / 1000} s`)
      throw new WebhookFailure('connection', reasonOf(error as Error))
    } finally {
      signal.removeEventListener('abort', abort)
    }
  })
}

/** Reads the beginning of an answer's body. Ignores failures, since the status has told already what counts. */
async function discard({ body }: Response): Promise<void> {
  let left = readBytes
  try {
    for await (const chunk of body ?? []) {
      left -= chunk.length
      // Ends the loop, and with it the connection.
      if (left < 0) return
    }
  } catch {}
}

function failureOf(status: number): WebhookFailure {
  const reason = status >= 500 ? '5xx' : status >= 400 ? '4xx' : 'redirect'
  return new WebhookFailure(reason, `the receiver answered with status ${status}`)
}

/** `fetch` hides the reason in the cause of its error, or in the errors of all addresses. */
function reasonOf({ cause, message }: Error): string {
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  return cause instanceof Error ? cause.message : message
}
