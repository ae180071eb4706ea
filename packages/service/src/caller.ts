import { RabbleError } from '@rabble/contract'
import type { FastifyRequest } from 'fastify'
import { sessionToken } from './cookies.ts'
import type { InternalCaller, InternalTokens } from './internal-tokens.ts'
import { isAllowedOrigin, type Origins } from './origin.ts'
import { bearerToken, type Identity, type Tokens } from './tokens.ts'

export interface CallerOptions {
  tokens: Pick<Tokens, 'verify'>
  /** Origins, besides the service's own, whose pages may act for a user who is signed in with a cookie. */
  allowedOrigins: Origins
}

type Request = Pick<FastifyRequest, 'method' | 'headers' | 'host' | 'protocol'>

const reading: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Returns the user of a request, by its bearer token or else the cookie; undefined if it has neither. Browsers send the cookie
 * with requests from any page, so for requests that change something it counts only if the page is of an allowed origin. They
 * also send it unasked, so an invalid cookie counts as none.
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
    throw new RabbleError('forbidden', 'pages of this origin may not act for the signed-in user')
  }
  return tokens.verify(cookie).catch((error: unknown) => {
    if (error instanceof RabbleError && error.code === 'unauthorized') return undefined
    throw error
  })
}

/** Returns the user of a request. @throws RabbleError as `callerOf`, and `unauthorized` if there is no token */
export async function requireCaller(request: Request, options: CallerOptions): Promise<Identity> {
  const caller = await callerOf(request, options)
  if (caller === undefined) {
    throw new RabbleError('unauthorized', 'this needs a token: Authorization: Bearer, or the session cookie')
  }
  return caller
}

/**
 * Returns the service of a request, by its bearer token. Without a secret there are no `internalTokens`, and no token is valid.
 * @throws RabbleError `unauthorized`
 */
export async function serviceOf(
  authorization: string | undefined,
  internalTokens: Pick<InternalTokens, 'verify'> | undefined,
): Promise<InternalCaller> {
  const token = bearerToken(authorization)
  if (token === undefined || internalTokens === undefined) {
    throw new RabbleError('unauthorized', 'only services may call this, with a token')
  }
  return internalTokens.verify(token)
}
