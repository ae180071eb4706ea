/** Returns the rule that the URL of a webhook breaks, or undefined. */
export function brokenByWebhookUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return 'must be a valid URL'
  const { username, password } = new URL(url)
  return username === '' && password === '' ? undefined : 'must have no user and no password'
}

/** Returns the rule that the secret of a webhook breaks, or undefined. It may be several, separated by spaces. */
export function brokenByWebhookSecret(secret: string): string | undefined {
  const isKey = (one: string) => {
    const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(one) ?? []
    const { length } = Buffer.from(base64 ?? '', 'base64')
    return length >= 24 && length <= 64
  }
  return secret.split(' ').every(isKey) ? undefined : 'must be whsec_ and the Base64 of 24 to 64 bytes'
}
