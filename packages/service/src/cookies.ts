/** The cookie in which a browser keeps its token that came by http. */
const plainCookie = 'rabble_session'
/**
 * The same over https. For names with this prefix browsers see to it that only this very host, over https, has set them (RFC
 * 6265bis, 4.1.3.2): neither a neighbour's subdomain nor anybody on the way can sign a visitor in as somebody else.
 */
const hostCookie = `__Host-${plainCookie}`

/**
 * The token in a `Cookie` header, or undefined. What came by https may not be in the cookie for http, which others could have
 * set; the other one is as good behind a proxy that ends TLS and doesn't say so.
 */
export function sessionToken(header: string | undefined, protocol: string): string | undefined {
  return cookieOf(header, hostCookie) ?? (protocol === 'https' ? undefined : cookieOf(header, plainCookie))
}

function cookieOf(header: string | undefined, cookie: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [name, value] = pair.split('=', 2)
    if (name?.trim() === cookie && value !== undefined && value.trim() !== '') return value.trim()
  }
  return undefined
}

/**
 * A `Set-Cookie` header (RFC 6265). No script can read it, and no other site's page can have it sent with what changes
 * something. `seconds` is how long it lasts; 0 takes it away.
 */
export function setSessionCookie(token: string, options: { seconds: number; secure: boolean }): string {
  const [name, secure] = options.secure ? [hostCookie, '; Secure'] : [plainCookie, '']
  return `${name}=${token}; Path=/; Max-Age=${options.seconds}; HttpOnly; SameSite=Lax${secure}`
}
