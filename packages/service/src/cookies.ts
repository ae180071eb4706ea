/** Cookie with the token of a browser that connected over http. */
const plainCookie = 'rabble_session'
/**
 * Cookie over https. For names with this prefix, browsers ensure that only this very host, over https, has set them (RFC 6265bis,
 * 4.1.3.2): neither another subdomain nor an attacker on the network can sign a visitor in as another user.
 */
const hostCookie = `__Host-${plainCookie}`

/**
 * Returns the token in a `Cookie` header, or undefined. A request over https must not use the cookie of http, which others could
 * have set. A request over http may use either, since a proxy may end TLS without saying so.
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
 * Returns a `Set-Cookie` header (RFC 6265). No script can read the cookie, and pages of other sites can't send it with requests
 * that change something. `seconds` is its lifetime; 0 removes it.
 */
export function setSessionCookie(token: string, options: { seconds: number; secure: boolean }): string {
  const [name, secure] = options.secure ? [hostCookie, '; Secure'] : [plainCookie, '']
  return `${name}=${token}; Path=/; Max-Age=${options.seconds}; HttpOnly; SameSite=Lax${secure}`
}
