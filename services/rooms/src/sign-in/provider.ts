import type { Clock } from '@rabble/clock'
import { type Logger, retryLogged } from '@rabble/service'
import * as openid from 'openid-client'
import type { RoomsMetrics } from '../metrics.ts'
import { type Claims, claimAt } from './claims.ts'
import type { ProviderOptions } from './options.ts'

/** Pauses (ms) between attempts to read the configuration of the provider. */
const backoff = { first: 1_000, longest: 30_000 }

/** Time limit (s) of a request to the provider. */
const timeout = 10

/** Secrets that the browser keeps while its user is at the provider. */
export interface Attempt {
  state: string
  nonce: string
  verifier: string
}

/** Reason why nobody was signed in. */
export type Failure =
  /** The user or the provider said no. */
  | 'denied'
  /** The code was not redeemed in time, or was used before. */
  | 'expired'
  /** The answer belongs to another attempt, or is not valid. */
  | 'invalid'
  /** The provider can't be reached, or has failed. */
  | 'unavailable'

export class SignInError extends Error {
  override readonly name = 'SignInError'
  readonly failure: Failure

  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}

/** A provider of OpenID Connect (https://openid.net/specs/openid-connect-core-1_0.html). */
export interface Provider {
  /** Whether its configuration is known. It is tried again until then. */
  readonly available: boolean
  /** Returns the address at the provider to which the browser goes, and what it must keep. @throws SignInError */
  begin(redirectUrl: string): Promise<{ url: string; attempt: Attempt }>
  /** Redeems the code in the address to which the provider has sent the browser. @throws SignInError */
  finish(url: URL, attempt: Attempt): Promise<{ sub: string; claims: Claims }>
  close(): void
}

export function createProvider(
  options: ProviderOptions,
  { clock, logger, metrics }: { clock: Clock; logger: Logger; metrics: RoomsMetrics },
): Provider {
  const { issuer, clientId, clientSecret, scopes, rolesClaim } = options
  const stop = new AbortController()
  let config: openid.Configuration | undefined
  metrics.signInProviderUp.set(0)

  function discover(): Promise<openid.Configuration> {
    const url = new URL(issuer)
    const authentication = clientSecret === undefined ? openid.None() : openid.ClientSecretPost(clientSecret)
    return openid.discovery(url, clientId, undefined, authentication, {
      // Signatures of tokens count as well, not only the address that they come from: it may be one of http inside.
      execute: [
        openid.enableNonRepudiationChecks,
        ...(url.protocol === 'http:' ? [openid.allowInsecureRequests] : []),
      ],
      timeout,
    })
  }

  void retryLogged(discover, {
    clock,
    logger,
    signal: stop.signal,
    doing: 'reading the configuration of the provider of sign-ins',
    backoff,
    failed: () => metrics.signInProviderErrors.inc(),
  }).then(
    (found) => {
      config = found
      metrics.signInProviderUp.set(1)
    },
    () => {}, // Closed.
  )

  function known(): openid.Configuration {
    if (config === undefined) throw new SignInError('unavailable', 'the provider was not reached yet')
    return config
  }

  return {
    get available() {
      return config !== undefined
    },
    async begin(redirectUrl) {
      const state = openid.randomState()
      const nonce = openid.randomNonce()
      const verifier = openid.randomPKCECodeVerifier()
      const url = openid.buildAuthorizationUrl(known(), {
        redirect_uri: redirectUrl,
        scope: scopes,
        state,
        nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { url: url.href, attempt: { state, nonce, verifier } }
    },
    async finish(url, { state, nonce, verifier }) {
      const checks = {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      }
      try {
        const tokens = await openid.authorizationCodeGrant(known(), url, checks)
        const claims: Claims = { ...tokens.claims() }
        const sub = String(claims.sub)
        const isWhole =
          typeof claims.name === 'string' &&
          (rolesClaim === undefined || claimAt(claims, rolesClaim) !== undefined)
        // Many providers put only a part of the claims into the token.
        if (isWhole || known().serverMetadata().userinfo_endpoint === undefined) return { sub, claims }
        const more = await openid.fetchUserInfo(known(), tokens.access_token, sub)
        return { sub, claims: { ...more, ...claims } }
      } catch (error) {
        throw error instanceof SignInError ? error : failureOf(error)
      }
    },
    close: () => stop.abort(),
  }
}

function failureOf(cause: unknown): SignInError {
  if (cause instanceof openid.AuthorizationResponseError) {
    const passing = cause.error === 'temporarily_unavailable' || cause.error === 'server_error'
    return new SignInError(passing ? 'unavailable' : 'denied', cause.error, { cause })
  }
  if (cause instanceof openid.ResponseBodyError) {
    if (cause.error === 'invalid_grant') return new SignInError('expired', cause.error, { cause })
    return new SignInError('unavailable', cause.error, { cause })
  }
  const code = cause instanceof openid.ClientError ? cause.code : undefined
  const isAnswer = code?.startsWith('OAUTH_') && code !== 'OAUTH_TIMEOUT' && !notAnswers.has(code)
  return new SignInError(isAnswer ? 'invalid' : 'unavailable', (cause as Error).message, { cause })
}

/** Codes of errors that are the provider's, not those of what the browser brought. */
const notAnswers: ReadonlySet<string> = new Set([
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
])
