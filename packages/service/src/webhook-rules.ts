/** Returns the rule that the URL of a webhook breaks, or undefined. */
export function brokenByWebhook(url: string): string | undefined {
  if (!URL.canParse(url)) return 'must be a valid URL'
  const { username, password } = new URL(url)
  return username === '' && password === '' ? undefined : 'must have no user and no password'
}

/** Returns the rule that secrets of Standard Webhooks break, or undefined. */
export function brokenByWebhookSecrets(secrets: string): string | undefined {
  const isSecret = (secret: string) => {
    const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? []
    const { length } = Buffer.from(base64 ?? '', 'base64')
    return length >= 24 && length <= 64
  }
  return secrets.split(' ').every(isSecret) ? undefined : 'must be whsec_ and the base64 of 24 to 64 bytes'
}
