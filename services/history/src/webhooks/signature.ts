import { createHmac } from 'node:crypto'

/*
 * Standard Webhooks, symmetric signatures:
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

/** Returns the keys in a list of secrets (`whsec_…`) that are separated by spaces. */
export function keysOf(secrets: string): Buffer[] {
  return secrets.split(' ').map((secret) => Buffer.from(secret.slice('whsec_'.length), 'base64'))
}

/**
 * Returns the headers that show who sends a request, and when.
 * @param timestamp seconds since 1970
 */
export function signedHeaders(
  keys: readonly Buffer[],
  { id, timestamp, body }: { id: string; timestamp: number; body: Buffer },
): Record<string, string> {
  const signatures = keys.map((key) => {
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
    return `v1,${signature}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}
