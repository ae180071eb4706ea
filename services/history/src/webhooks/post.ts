import type { Clock } from '@rabble/clock'
import { postSigned } from '@rabble/service'
import type { webhookFailureReasons } from '../metrics.ts'
import type { WebhookRequest } from './portions.ts'
import type { Webhook } from './webhook.ts'

/** Time limit (ms) of a request. */
const defaultTimeout = 15_000
/** Number of bytes of an answer that are read, so that its connection can be used again. Their content doesn't matter. */
const maxBytes = 64 * 1024

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
 * Sends a request. Resolves if the status of the answer is 2xx.
 * @throws WebhookFailure, also if `signal` aborts
 */
export async function post(
  { url, secret, timeout = defaultTimeout }: Webhook,
  request: WebhookRequest,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  const options = { url: new URL(url), secret, timeout, maxBytes, clock, signal }
  const { status } = await postSigned(request, options).catch(({ name, message }: Error) => {
    throw new WebhookFailure(name === 'TimeoutError' ? 'timeout' : 'connection', message)
  })
  if (status >= 200 && status <= 299) return
  const reason = status >= 500 ? '5xx' : status >= 400 ? '4xx' : 'redirect'
  throw new WebhookFailure(reason, `the receiver answered with status ${status}`)
}
