import rateLimit from '@fastify/rate-limit'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { CallerReply, isUserName, RabbleError, SessionReply } from '@rabble/contract'
import { newGuestId } from '@rabble/contract/ids'
import { Type } from '@rabble/contract/typebox'
import { retried, transactionWithin } from '@rabble/database'
import {
  bearerToken,
  callerOf,
  described,
  type Identity,
  isAllowedOrigin,
  networkOf,
  requireCaller,
  sessionToken,
  setSessionCookie,
} from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import { recordAudit } from '../audit/audit.ts'
import { tellDisplaced } from '../jobs/notify.ts'
import { createWork } from '../moderation/bounded-queries.ts'
import { type Claim, claimNames, giveUpNames, unusedFor } from '../names/names.ts'
import { refusalError } from '../names/refusal-error.ts'
import { createRefusedLogins } from '../names/refused-logins.ts'
import { requestWindows } from '../names/request-windows.ts'
import type { RoutesOptions } from '../options.ts'
import { createBrowserSessions } from '../sessions/browser-sessions.ts'

const limits = { active: 2, waiting: 200, deadline: 4_000 }
const auditLimits = { active: 1, waiting: 20, deadline: 4_000 }

/** Lifetime (s) of a guest's token. */
const lifetime = 24 * 60 * 60
/** Maximum number of addresses whose requests are counted. The least recently used go first. */
const addresses = 10_000

/** For requests that cost nothing or need a valid token. */
const unlimited = { rateLimit: false } as const

/** Error codes of refused logins that moderators may read about. */
const audited: ReadonlySet<string> = new Set(['unauthorized', 'forbidden', 'name-taken', 'rate-limited'])

const signInSchema = {
  body: Type.Object({
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'Name of a guest. Not needed with a token, or in a session that the browser has.',
      }),
    ),
    keep: Type.Optional(
      Type.Boolean({
        description: 'Whether the browser keeps a session, for pages of the server’s own origin.',
      }),
    ),
  }),
  ...described({
    summary: 'Sign in',
    caller: 'anybody',
    answers: { 201: SessionReply },
    errors: ['bad-frame', 'unauthorized', 'forbidden', 'name-taken', 'rate-limited', 'unavailable'],
  }),
}
const readSchema = described({
  summary: 'Read the session',
  caller: 'user',
  answers: { 200: CallerReply },
  errors: ['unauthorized', 'unavailable'],
})
const signOutSchema = described({
  summary: 'Sign out',
  caller: 'anybody',
  answers: { 204: undefined },
  errors: ['unauthorized', 'forbidden', 'rate-limited', 'unavailable'],
})

/**
 * Routes of sessions: guests sign in by a name, others by their token. Browsers can keep the token in a cookie or, for the chat page,
 * a session that hands out tokens.
 */
export function sessionRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const {
    clock,
    database,
    tokens,
    requireToken,
    allowedOrigins = new Set<string>(),
    loginsPerMinute = 300,
  } = options
  const access = { tokens, allowedOrigins }
  const work = createWork(limits, options)
  const browsers = createBrowserSessions(options, checkedName)
  const auditWork = createWork(auditLimits, options)
  const refused = createRefusedLogins(clock, (entries) =>
    auditWork.run('audit', () => recordAudit(database.query, entries)),
  )

  /** Claims a name. @throws RabbleError the refusal */
  async function claim(user: Claim): Promise<void> {
    const { refusals, displaced } = await work.run('session', (signal) =>
      retried(clock, signal, () =>
        transactionWithin(database, signal, (query) =>
          claimNames(query, [user], 'kept', unusedFor, clock.now()),
        ),
      ),
    )
    tellDisplaced(options, displaced)
    if (refusals[0] !== undefined) throw refusalError(refusals[0])
  }

  /**
   * Returns the session of an account, or of a browser. Its token stays the same, in the cookie too. Claims the name of an account
   * where guests could take it.
   */
  async function known(caller: Identity, token = ''): Promise<SessionReply> {
    if (!requireToken && !caller.guest) await claim({ ...caller.user, account: caller.expiresAt })
    return { token, ...replyOf(caller) }
  }

  /** Claims the name. The guest keeps its id. */
  async function signIn(name: string, caller: Identity | undefined): Promise<SessionReply> {
    const user = { id: caller?.user.id ?? newGuestId(), name: checkedName(name) }
    const expiresAt = (Math.floor(clock.now() / 1000) + lifetime) * 1000
    await claim(user)
    return { token: await tokens.signGuest(user, lifetime), user, roles: [], guest: true, expiresAt }
  }

  function checkedName(given: string): string {
    if (requireToken) throw new RabbleError('forbidden', 'guests are not allowed here')
    const name = given.normalize('NFC').trim()
    if (isUserName(name)) return name
    throw new RabbleError('bad-frame', 'a name has 1 to 64 characters, none of them control or formatting')
  }

  /** Returns the token of the browser's session, or of a new one of a guest. Undefined: it has none, and no name was given. */
  async function keep(
    request: FastifyRequest,
    name: string | undefined,
  ): Promise<{ session: SessionReply; setCookie?: string } | undefined> {
    const entered = await browsers.enter(request, name)
    if (entered === undefined) return undefined
    const session = await browsers.tokenOf(entered.session)
    const { user, guest, expiresAt } = session
    if (!guest && !requireToken) await claim({ ...user, account: expiresAt })
    return { ...entered, session }
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
    // Caches must not keep tokens.
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    app.addHook('onError', async (request, _reply, error) => {
      if (!(error instanceof RabbleError) || !audited.has(error.code)) return
      // A request without a token is no attempt to log in.
      if (error.code === 'unauthorized' && bearerToken(request.headers.authorization) === undefined) return
      const name = (request.body as { name?: string } | undefined)?.name
      refused({ address: request.ip, code: error.code, ...(name !== undefined && { name }) })
    })

    app.post('/api/session', { schema: signInSchema }, async (request, reply) => {
      const { name, keep: isKept = false } = request.body
      // A page must not sign its visitors in as another user either.
      if (!isAllowedOrigin(request.headers.origin, request, allowedOrigins)) {
        throw new RabbleError('forbidden', 'a page of this origin may not sign in here')
      }
      const caller = await callerOf(request, access)
      // An account with a token of an application keeps no session beyond that token.
      if (isKept && (caller === undefined || caller.guest || caller.session !== undefined)) {
        const kept = await keep(request, name)
        if (kept === undefined) throw new RabbleError('unauthorized', 'this browser has no session')
        if (kept.setCookie !== undefined) reply.header('set-cookie', kept.setCookie)
        return reply.code(201).send(kept.session)
      }
      // A token of a browser's session must not get one that outlives the session.
      const session = await (caller !== undefined && (!caller.guest || caller.session !== undefined)
        ? known(caller, tokenOf(request))
        : signIn(needed(name), caller))
      const seconds = Math.max(0, Math.floor((session.expiresAt - clock.now()) / 1000))
      reply.header('set-cookie', setSessionCookie(session.token, { seconds, secure: isSecure(request) }))
      return reply.code(201).send(session)
    })

    app.get('/api/session', { schema: readSchema, config: unlimited }, async (request) =>
      replyOf(await requireCaller(request, access)),
    )

    app.delete('/api/session', { schema: signOutSchema, config: unlimited }, async (request, reply) => {
      const caller = await callerOf(request, access)
      await browsers.end(request, caller?.session)
      if (caller?.guest && caller.session === undefined) {
        await work.run('session', (signal) =>
          retried(clock, signal, () =>
            transactionWithin(database, signal, (query) => giveUpNames(query, [caller.user.id])),
          ),
        )
      }
      const token = setSessionCookie('', { seconds: 0, secure: isSecure(request) })
      reply.header('set-cookie', [token, browsers.removal(request)])
      return reply.code(204).send()
    })
  }
}

function replyOf({ user, roles, guest, expiresAt }: Identity): CallerReply {
  return { user, roles: [...roles], guest, expiresAt }
}

function needed(name: string | undefined): string {
  if (name === undefined) throw new RabbleError('bad-frame', 'a guest needs a name')
  return name
}

function tokenOf(request: FastifyRequest): string | undefined {
  return bearerToken(request.headers.authorization) ?? sessionToken(request.headers.cookie, request.protocol)
}

/** Whether the browser connected over TLS, as far as a trusted proxy says so. */
function isSecure(request: FastifyRequest): boolean {
  return request.protocol === 'https'
}
