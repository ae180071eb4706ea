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
 * Returns the value of the header `webhook-signature`: for each key `v1,` and HMAC-SHA256 in Base64, separated by spaces.
 * Source: Standard Webhooks 1.0, "Signature scheme".
 */
export function signWebhook({ id, timestamp, body, secret }: UnsignedWebhook): string {
  const sign = (one: string) => {
    const key = Buffer.from(one.slice('whsec_'.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
  }
  return secret.split(' ').map(sign).join(' ')
}

/** Returns the rule that `secret` breaks, or undefined. */
export function brokenByWebhookSecret(secret: string): string | undefined {
  const isKey = (one: string) => {
    const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(one) ?? []
    const { length } = Buffer.from(base64 ?? '', 'base64')
    return length >= 24 && length <= 64
  }
  return secret.split(' ').every(isKey) ? undefined : 'must be whsec_ and the Base64 of 24 to 64 bytes'
}
