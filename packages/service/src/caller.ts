import { RabbleError } from '@rabble/contract'
import type { FastifyRequest } from 'fastify'
import { sessionToken } from './cookies.ts'
import type { InternalCaller, InternalTokens } from './internal-tokens.ts'
import { isAllowedOrigin, type Origins } from './origin.ts'
import { bearerToken, type Identity, type Tokens } from './tokens.ts'

export interface CallerOptions {
  tokens: Pick<Tokens, 'verify'>
  /** Origins besides the own one whose pages may act for who is signed in with a cookie. */
  allowedOrigins: Origins
}

type Request = Pick<FastifyRequest, 'method' | 'headers' | 'host' | 'protocol'>

const reading: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Who makes a request, by its bearer token or else the cookie; undefined if it has neither. Browsers send a cookie
 * whichever page makes them ask, so one counts for what changes something only if the page is of an allowed origin; and
 * without being asked, so one that is not valid (any more) is none.
 * @throws RabbleError `unauthorized`, `forbidden` (the origin), `unavailable`
 */
export async function callerOf(request: Request, options: CallerOptions): Promise<Identity | undefined> {
  const { tokens, allowedOrigins } = options
  const bearer = bearerToken(request.headers.authorization)
  if (bearer !== undefined) return tokens.verify(bearer)
  const cookie = sessionToken(request.headers.cookie, request.protocol)
  if (cookie === undefined) return undefined
  const { origin } = request.headers
  const own = origin !== undefined && isAllowedOrigin(origin, request, allowedOrigins)
  if (!own && !reading.has(request.method)) {
    throw new RabbleError('forbidden', 'a page of this origin may not act for who is signed in here')
  }
  return tokens.verify(cookie).catch((error: unknown) => {
    if (error instanceof RabbleError && error.code === 'unauthorized') return undefined
    throw error
  })
}

/** @throws RabbleError as `callerOf`, and `unauthorized` if there is no token. */
export async function requireCaller(request: Request, options: CallerOptions): Promise<Identity> {
  const caller = await callerOf(request, options)
  if (caller === undefined) {
    throw new RabbleError('unauthorized', 'this needs a token: Authorization: Bearer, or the session cookie')
  }
  return caller
}

/**
 * Whom an address belongs to, as far as can be told: an IPv4 address, or the /64 network of an IPv6 address, in which
 * anybody at home has as many addresses as they like.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = tail?.split(':').filter((group) => group !== '') ?? []
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const network = [...before, ...zeros, ...after].slice(0, 4)
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

/**
 * Which service makes a request, by its bearer token. Without `internalTokens`, since there is no secret, it is none.
 * @throws RabbleError `unauthorized`
 */
export async function serviceOf(
  authorization: string | undefined,
  internalTokens: Pick<InternalTokens, 'verify'> | undefined,
): Promise<InternalCaller> {
  const token = bearerToken(authorization)
  if (token === undefined || internalTokens === undefined) {
    throw new RabbleError('unauthorized', 'this is for services, which show a token')
  }
  return internalTokens.verify(token)
}
