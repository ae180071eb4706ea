import { createHmac } from 'node:crypto'

/** Content of a webhook, and the key that its sender and its receiver share. */
export interface UnsignedWebhook {
  /** Value of the header `webhook-id`. */
  id: string
  /** Value of the header `webhook-timestamp`: seconds since 1970. */
  timestamp: number
  /** Body, exactly as it is sent. */
  body: string | Buffer
  /** `whsec_` and the key in Base64. Several, separated by spaces, sign all of them: so a receiver can move to another key. */
  secret: string
}

/**
 * Returns the headers that show who sends a webhook, and when. `webhook-signature` has for each key `v1,` and HMAC-SHA256 in Base64,
 * separated by spaces.
 * Source: Standard Webhooks 1.0, "Signature scheme".
 */
export function signWebhook({ id, timestamp, body, secret }: UnsignedWebhook): Record<string, string> {
  const sign = (one: string) => {
    const key = Buffer.from(one.slice('whsec_'.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
  }
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secret.split(' ').map(sign).join(' '),
  }
}
