import type { Clock } from '@rabble/clock'
import { httpCall, withTimeout } from '@rabble/service'
import webPush from 'web-push'
import type { pushFailureReasons } from '../metrics.ts'
import type { DuePush } from './due.ts'
import { payloadOf, topicOf } from './payload.ts'
import type { Push } from './push.ts'

/** Time limit (ms) of a request. */
const defaultTimeout = 10_000
/** Number of bytes of an answer that are read, so that its connection can be used again. */
const maxBytes = 16 * 1024
/** Time (s) for which the push service keeps a push for a browser that is not there. */
const lifetime = 24 * 60 * 60

type FailureReason = (typeof pushFailureReasons)[number]

/** A push that was not accepted. The message doesn't have the endpoint, which is a secret. */
export class PushFailure extends Error {
  override readonly name = 'PushFailure'
  readonly reason: FailureReason
  /** `gone`: the subscription has ended. `passing`: another attempt may help. `refused`: it would not. */
  readonly fate: 'gone' | 'passing' | 'refused'
  /** Pause (ms) that the push service asks for. */
  readonly retryAfter: number

  constructor(reason: FailureReason, fate: PushFailure['fate'], message: string, retryAfter = 0) {
    super(message)
    this.reason = reason
    this.fate = fate
    this.retryAfter = retryAfter
  }
}

/**
 * Sends a push: encrypted for the browser (RFC 8291), signed for the push service (RFC 8292). The library makes the request, and does
 * not send it: its own sending takes https only, has no bound on answers, and knows no clock.
 * @throws PushFailure, also if `signal` aborts
 */
export async function postPush(
  push: Push,
  due: DuePush,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  const { timeout = defaultTimeout } = push
  const { headers, body } = requestOf(push, due)
  const call = { method: 'POST', headers, body, mayRepeat: true, maxBytes } as const
  const url = new URL(due.endpoint)
  const answer = await withTimeout(
    clock,
    timeout,
    (late) => httpCall(url, { ...call, signal: late }),
    signal,
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.name === 'TimeoutError') throw new PushFailure('timeout', 'passing', 'no answer in time')
    // A host that doesn't exist, below one that is allowed.
    const fate = error.code === 'ENOTFOUND' ? 'refused' : 'passing'
    throw new PushFailure('connection', fate, error.code ?? error.name)
  })
  const { status } = answer
  if (status >= 200 && status <= 299) return
  const message = `status ${status}`
  if (status === 404 || status === 410) throw new PushFailure('gone', 'gone', message)
  if (status === 429 || status >= 500) {
    const seconds = Number(answer.headers['retry-after'])
    const retryAfter = seconds > 0 ? seconds * 1000 : 0
    throw new PushFailure(status === 429 ? '429' : '5xx', 'passing', message, retryAfter)
  }
  throw new PushFailure(status >= 400 ? '4xx' : 'redirect', 'refused', message)
}

function requestOf(
  { subject, publicKey, privateKey }: Push,
  due: DuePush,
): { headers: Record<string, string>; body: Buffer } {
  const { endpoint, p256dh, auth } = due
  try {
    const { headers, body } = webPush.generateRequestDetails(
      { endpoint, keys: { p256dh, auth } },
      payloadOf(due),
      {
        vapidDetails: { subject, publicKey, privateKey },
        TTL: lifetime,
        urgency: 'high',
        topic: topicOf(due.room),
      },
    )
    const { 'Content-Length': _, ...rest } = headers
    const texts = Object.entries(rest).map(([name, value]) => [name, String(value)])
    return { headers: Object.fromEntries(texts), body }
  } catch (error) {
    throw new PushFailure('4xx', 'refused', `it can't be encrypted: ${(error as Error).message}`)
  }
}
