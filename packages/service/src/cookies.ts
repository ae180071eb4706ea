/** Cookie of the server. Over https its name has a prefix: see `hostPrefix`. */
export interface Cookie {
  name: string
  /** Whether a link on a page of another site brings the cookie along (`Lax`), or only requests of pages of this site (`Strict`). */
  sameSite: 'Lax' | 'Strict'
}

/** Cookie with the token of a browser. */
const sessionCookie: Cookie = { name: 'rabble_session', sameSite: 'Lax' }

/**
 * Prefix of the names of cookies over https. For names with this prefix, browsers ensure that only this very host, over https, has
 * set them (RFC 6265bis, 4.1.3.2): neither another subdomain nor an attacker on the network can sign a visitor in as another user.
 */
const hostPrefix = '__Host-'

/** Returns the token in a `Cookie` header, or undefined. */
export function sessionToken(header: string | undefined, protocol: string): string | undefined {
  return cookieIn(header, sessionCookie, protocol)
}

/**
 * Returns the value of a cookie in a `Cookie` header, or undefined. A request over https must not use the cookie of http, which
 * others could have set. A request over http may use either, since a proxy may end TLS without saying so.
 */
export function cookieIn(header: string | undefined, { name }: Cookie, protocol: string): string | undefined {
  return namedIn(header, hostPrefix + name) ?? (protocol === 'https' ? undefined : namedIn(header, name))
}

function namedIn(header: string | undefined, cookie: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [name, value] = pair.split('=', 2)
    if (name?.trim() === cookie && value !== undefined && value.trim() !== '') return value.trim()
  }
  return undefined
}

/** Returns a `Set-Cookie` header with the token of a browser, as `setCookie` does. */
export function setSessionCookie(token: string, options: { seconds: number; secure: boolean }): string {
  return setCookie(sessionCookie, token, options)
}

/**
 * Returns a `Set-Cookie` header (RFC 6265). No script can read the cookie, and pages of other sites can't send it with requests
 * that change something. `seconds` is its lifetime; 0 removes it.
 */
export function setCookie(
  { name, sameSite }: Cookie,
  value: string,
  options: { seconds: number; secure: boolean },
): string {
  const [prefix, secure] = options.secure ? [hostPrefix, '; Secure'] : ['', '']
  return `${prefix}${name}=${value}; Path=/; Max-Age=${options.seconds}; HttpOnly; SameSite=${sameSite}${secure}`
}
