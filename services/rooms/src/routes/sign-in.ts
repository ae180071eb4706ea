import rateLimit from '@fastify/rate-limit'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RabbleError, SignInReply } from '@rabble/contract'
import { type Cookie, cookieIn, described, networkOf, setCookie } from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import { recordAudit } from '../audit/audit.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import { createRefusedLogins } from '../names/refused-logins.ts'
import { requestWindows } from '../names/request-windows.ts'
import type { RoutesOptions } from '../options.ts'
import { createBrowserSessions } from '../sessions/browser-sessions.ts'
import { rolesOf, userOf } from '../sign-in/claims.ts'
import type { ProviderOptions } from '../sign-in/options.ts'
import { type Attempt, type Failure, type Provider, SignInError } from '../sign-in/provider.ts'

/** Cookie with the attempt of a browser whose user is at the provider. The way back is a link from another site, hence `Lax`. */
const cookie: Cookie = { name: 'rabble_sign_in', sameSite: 'Lax' }
/** Time (s) for which the user may be at the provider. */
const patience = 10 * 60
/** Maximum number of addresses whose requests are counted. */
const addresses = 10_000

const auditLimits = { active: 1, waiting: 20, deadline: 4_000 }

const waysSchema = described({
  summary: 'List the ways to sign in',
  caller: 'nobody',
  answers: { 200: SignInReply },
  errors: [],
})
const beginSchema = described({
  summary: 'Go to the provider of accounts',
  caller: 'nobody',
  answers: { 303: undefined },
  errors: ['not-found', 'rate-limited'],
})
const callbackSchema = described({
  summary: 'Come back from the provider',
  caller: 'nobody',
  answers: { 303: undefined },
  errors: ['not-found', 'rate-limited'],
})

/** Routes of the sign-in with an account of a provider. Browsers follow them; they lead back to the page in any case. */
export function signInRoutes(
  options: RoutesOptions,
  signIn: { provider: Provider; options: ProviderOptions } | undefined,
): FastifyPluginAsyncTypebox {
  const { clock, database, metrics, logger, requireToken, loginsPerMinute = 300 } = options
  const browsers = createBrowserSessions(options, () => {
    throw new Error('no guest signs in here')
  })
  const auditWork = createWork(auditLimits, options)
  const refused = createRefusedLogins(clock, (entries) =>
    auditWork.run('audit', () => recordAudit(database.query, entries)),
  )

  function redirectUrlOf(request: FastifyRequest): string {
    return signIn?.options.redirectUrl ?? `${request.protocol}://${request.host}/api/sign-in/callback`
  }

  function keeping(request: FastifyRequest, value: string, seconds: number): string {
    return setCookie(cookie, value, { seconds, secure: request.protocol === 'https' })
  }

  /** Signs the user in that the provider has sent back. Returns the cookie of the session. @throws SignInError */
  async function finish(request: FastifyRequest, { provider, options }: NonNullable<typeof signIn>) {
    const attempt = attemptIn(cookieIn(request.headers.cookie, cookie, request.protocol))
    if (attempt === undefined) throw new SignInError('expired', 'the browser has not begun a sign-in')
    const url = new URL(redirectUrlOf(request))
    url.search = new URL(request.url, url).search
    const { sub, claims } = await provider.finish(url, attempt)
    const user = userOf(options.issuer, sub, claims)
    const roles = rolesOf(claims, options)
    return browsers.begin(request, { user, roles, seconds: options.seconds })
  }

  return async (app) => {
    await app.register(rateLimit, {
      max: loginsPerMinute,
      timeWindow: 60_000,
      store: requestWindows(clock, addresses),
      keyGenerator: ({ ip }) => networkOf(ip),
      errorResponseBuilder: (_request, { ttl }) =>
        new RabbleError('rate-limited', `no more than ${loginsPerMinute} a minute`, { retryAfter: ttl }),
    })
    app.addHook('onSend', async (_request, reply) => {
      reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    })

    app.get(
      '/api/sign-in',
      { schema: waysSchema, config: { rateLimit: false } },
      async (): Promise<SignInReply> => {
        const guests = requireToken !== true
        return { guests, ...(signIn && { provider: { available: signIn.provider.available } }) }
      },
    )

    app.get('/api/sign-in/provider', { schema: beginSchema }, async (request, reply) => {
      if (signIn === undefined) throw noProvider()
      try {
        const { url, attempt } = await signIn.provider.begin(redirectUrlOf(request))
        const value = Buffer.from(JSON.stringify(attempt)).toString('base64url')
        return await reply.header('set-cookie', keeping(request, value, patience)).redirect(url, 303)
      } catch (error) {
        return reply.redirect(pageWith(failed(request, error)), 303)
      }
    })

    app.get('/api/sign-in/callback', { schema: callbackSchema }, async (request, reply) => {
      if (signIn === undefined) throw noProvider()
      const over = keeping(request, '', 0)
      try {
        const { setCookie } = await finish(request, signIn)
        metrics.signIns.inc({ result: 'done' })
        return await reply.header('set-cookie', [setCookie, over]).redirect('../../', 303)
      } catch (error) {
        return reply.header('set-cookie', over).redirect(pageWith(failed(request, error)), 303)
      }
    })
  }

  function failed(request: FastifyRequest, error: unknown): Failure {
    const failure = error instanceof SignInError ? error.failure : 'unavailable'
    metrics.signIns.inc({ result: failure })
    if (failure === 'unavailable') logger.warn({ err: error }, 'a sign-in with an account failed')
    else refused({ address: request.ip, code: `sign-in-${failure}` })
    return failure
  }
}

/** Returns the address of the page, seen from the routes here, with the reason why nobody was signed in. */
function pageWith(failure: Failure): string {
  return `../../?sign-in=${failure}`
}

function noProvider(): RabbleError {
  return new RabbleError('not-found', 'there is no provider of accounts here: RABBLE_OIDC_ISSUER is not set')
}

function attemptIn(value: string | undefined): Attempt | undefined {
  try {
    const { state, nonce, verifier } = JSON.parse(Buffer.from(value ?? '', 'base64url').toString())
    const texts = [state, nonce, verifier]
    return texts.every((text) => typeof text === 'string' && text !== '')
      ? { state, nonce, verifier }
      : undefined
  } catch {
    return undefined
  }
}
