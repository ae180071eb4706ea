/** The cookie in which a browser keeps its token. */
export const sessionCookie = 'rabble_session'

/** The token in a `Cookie` header, or undefined. */
export function sessionToken(header: string | undefined): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [name, value] = pair.split('=', 2)
    if (name?.trim() === sessionCookie && value !== undefined && value.trim() !== '') return value.trim()
  }
  return undefined
}

/**
 * A `Set-Cookie` header (RFC 6265). No script can read it, and no other site's page can have it sent with what changes
 * something. `seconds` is how long it lasts; 0 takes it away.
 */
export function setSessionCookie(token: string, options: { seconds: number; secure: boolean }): string {
  const secure = options.secure ? '; Secure' : ''
  return `${sessionCookie}=${token}; Path=/; Max-Age=${options.seconds}; HttpOnly; SameSite=Lax${secure}`
}
