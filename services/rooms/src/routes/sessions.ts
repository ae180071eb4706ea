import rateLimit from '@fastify/rate-limit'
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { isUserName, RabbleError, type SessionReply } from '@rabble/contract'
import { newGuestId } from '@rabble/contract/ids'
import { retried, transactionWithin } from '@rabble/database'
import {
  bearerToken,
  callerOf,
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
import { type Claim, claimNames, giveUpName, unusedFor } from '../names/names.ts'
import { createRefusedLogins } from '../names/refused-logins.ts'
import { requestWindows } from '../names/request-windows.ts'
import type { RoutesOptions } from '../options.ts'

const limits = { active: 2, waiting: 200, deadline: 4_000 }
const auditLimits = { active: 1, waiting: 20, deadline: 4_000 }

/** Seconds for which a guest's token is good. */
const lifetime = 24 * 60 * 60
/** Addresses whose requests are counted; those that were quiet for longest go first. */
const addresses = 10_000

/** What costs nothing, or needs a valid token. */
const unlimited = { config: { rateLimit: false } }

/** Why somebody is not let in that moderators may read of. */
const audited: ReadonlySet<string> = new Set(['unauthorized', 'forbidden', 'name-taken', 'rate-limited'])

const schema = { body: Type.Object({ name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })) }) }

/** Signing in: guests by a name, others by the token that they have, which browsers can keep in a cookie. */
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
  const auditWork = createWork(auditLimits, options)
  const refused = createRefusedLogins(clock, (entries) =>
    auditWork.run('audit', () => recordAudit(database.query, entries)),
  )

  /** @throws RabbleError why not */
  async function claim(user: Claim): Promise<void> {
    const { refusals, displaced } = await work.run('session', (signal) =>
      retried(clock, signal, () =>
        transactionWithin(database, signal, (query) =>
          claimNames(query, [user], 'kept', unusedFor, clock.now()),
        ),
      ),
    )
    tellDisplaced(options, displaced)
    const [refusal] = refusals
    if (refusal === undefined) return
    const { refused: code, message, retryAfter } = refusal
    throw new RabbleError(code, message, { ...(retryAfter !== undefined && { retryAfter }) })
  }

  /** Who has a token of somebody with an account keeps it, in the cookie too, and the name, where guests could take it. */
  async function known(caller: Identity, token = ''): Promise<SessionReply> {
    if (!requireToken) await claim({ ...caller.user, account: caller.expiresAt })
    return { token, ...caller, roles: [...caller.roles] }
  }

  /** Claims the name; the guest stays who it was. */
  async function signIn(name: string, caller: Identity | undefined): Promise<SessionReply> {
    const user = { id: caller?.user.id ?? newGuestId(), name: name.normalize('NFC').trim() }
    if (requireToken) throw new RabbleError('forbidden', 'guests are not welcome here')
    if (!isUserName(user.name)) {
      throw new RabbleError('bad-frame', 'a name has 1 to 64 characters, none of them control or formatting')
    }
    const expiresAt = (Math.floor(clock.now() / 1000) + lifetime) * 1000
    await claim(user)
    return { token: await tokens.signGuest(user, lifetime), user, roles: [], guest: true, expiresAt }
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
    // Tokens are nothing for caches.
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    app.addHook('onError', async (request, _reply, error) => {
      if (!(error instanceof RabbleError) || !audited.has(error.code)) return
      // Nobody tried anything who has shown nothing.
      if (error.code === 'unauthorized' && bearerToken(request.headers.authorization) === undefined) return
      const name = (request.body as { name?: string } | undefined)?.name
      refused({ address: request.ip, code: error.code, ...(name !== undefined && { name }) })
    })

    app.post('/api/session', { schema }, async (request, reply) => {
      const { name } = request.body
      // A page must not sign its visitors in as somebody else either.
      if (!isAllowedOrigin(request.headers.origin, request, allowedOrigins)) {
        throw new RabbleError('forbidden', 'a page of this origin may not sign in here')
      }
      const caller = await callerOf(request, access)
      const session = await (caller !== undefined && !caller.guest
        ? known(caller, tokenOf(request))
        : signIn(needed(name), caller))
      const seconds = Math.max(0, Math.floor((session.expiresAt - clock.now()) / 1000))
      reply.header('set-cookie', setSessionCookie(session.token, { seconds, secure: isSecure(request) }))
      return reply.code(201).send(session)
    })

    app.get('/api/session', unlimited, async (request) => requireCaller(request, access))

    app.delete('/api/session', unlimited, async (request, reply) => {
      const caller = await callerOf(request, access)
      if (caller?.guest) {
        await work.run('session', (signal) =>
          retried(clock, signal, () =>
            transactionWithin(database, signal, (query) => giveUpName(query, caller.user.id)),
          ),
        )
      }
      reply.header('set-cookie', setSessionCookie('', { seconds: 0, secure: isSecure(request) }))
      return reply.code(204).send()
    })
  }
}

function needed(name: string | undefined): string {
  if (name === undefined) throw new RabbleError('bad-frame', 'a guest needs a name')
  return name
}

function tokenOf(request: FastifyRequest): string | undefined {
  return bearerToken(request.headers.authorization) ?? sessionToken(request.headers.cookie, request.protocol)
}

/** Whether the browser came over TLS, as far as a trusted proxy says so. */
function isSecure(request: FastifyRequest): boolean {
  return request.protocol === 'https'
}
