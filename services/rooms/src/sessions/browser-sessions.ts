import type { SessionReply, User } from '@rabble/contract'
import { newGuestId } from '@rabble/contract/ids'
import { retried, transactionWithin } from '@rabble/database'
import {
  type Cookie,
  checkingSessions,
  cookieIn,
  isAllowedOrigin,
  networkOf,
  setCookie,
} from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import { createWork } from '../moderation/bounded-queries.ts'
import { refusalError } from '../names/refusal-error.ts'
import type { RoutesOptions } from '../options.ts'
import * as sessions from './sessions.ts'

const limits = { active: 4, waiting: 400, deadline: 4_000 }

/**
 * Cookie with the secret of a session. Only the routes of sign-ins read it, and they hand out a token: no other request does anything
 * because a browser sends it.
 */
const cookie: Cookie = { name: 'rabble_login', sameSite: 'Strict' }

/** Returns the name as a guest has it. @throws RabbleError if it can't be one */
type CheckName = (name: string) => string

/** A session, and the `Set-Cookie` header for the browser. */
export interface Entered {
  session: sessions.BrowserSession
  setCookie?: string
}

/** Sessions of browsers, as the routes use them. A cookie counts only for pages of the server's own origin. */
export interface BrowserSessions {
  /**
   * Returns the browser's session, which is used, or begins one for a guest with this name. The guest of a session gets another
   * name. Undefined: the browser has no session, and no name was given.
   * @throws RabbleError the refusal of the name
   */
  enter(request: FastifyRequest, name: string | undefined): Promise<Entered | undefined>
  /** Begins a session of an account, which lasts for `seconds`. Ends the one that the browser had. */
  begin(
    request: FastifyRequest,
    account: { user: User; roles: string[]; seconds: number },
  ): Promise<Required<Entered>>
  /** Returns the token of a session. */
  tokenOf(session: sessions.BrowserSession): Promise<SessionReply>
  /** Ends the browser's session, or the one with this id, on all gateways. */
  end(request: FastifyRequest, id?: string): Promise<void>
  /** Returns the header that removes the cookie. */
  removal(request: FastifyRequest): string
}

export function createBrowserSessions(options: RoutesOptions, checkName: CheckName): BrowserSessions {
  const { clock, database, log, tokens, guestDays = 30, guestsPerAddress = 2_000 } = options
  const work = createWork(limits, options)
  const guestSeconds = guestDays * 24 * 60 * 60

  function secretOf(request: FastifyRequest): string | undefined {
    const secret = cookieIn(request.headers.cookie, cookie, request.protocol)
    const { origin } = request.headers
    if (secret === undefined || origin === undefined) return undefined
    return isAllowedOrigin(origin, request, new Set()) ? secret : undefined
  }

  function transaction<Result>(what: (query: typeof database.query) => Promise<Result>): Promise<Result> {
    return work.run('session', (signal) =>
      retried(clock, signal, () => transactionWithin(database, signal, what)),
    )
  }

  async function find(request: FastifyRequest): Promise<sessions.BrowserSession | undefined> {
    const secret = secretOf(request)
    if (secret === undefined) return undefined
    return work.run('session', () => sessions.findSession(database.query, secret))
  }

  function headerOf(request: FastifyRequest, secret: string, seconds: number): string {
    return setCookie(cookie, secret, { seconds, secure: request.protocol === 'https' })
  }

  async function endById(id: string): Promise<void> {
    const version = await transaction((query) => sessions.endSession(query, id, clock.now()))
    if (version !== undefined) log.signal({ type: 'policy', version })
  }

  return {
    async enter(request, name) {
      const known = await find(request)
      // A secret that is no session's is not taken over: somebody else may have chosen it.
      const secret = (known && secretOf(request)) ?? sessions.newSecret()
      if (known !== undefined && (!known.guest || name === undefined || name === known.user.name)) {
        await work.run('session', (signal) =>
          retried(clock, signal, () => sessions.noteUse(database, signal, known, guestSeconds)),
        )
        return {
          session: known,
          ...(known.guest && { setCookie: headerOf(request, secret, guestSeconds) }),
        }
      }
      if (name === undefined) return undefined
      const user = { id: known?.user.id ?? newGuestId(), name: checkName(name) }
      const begun = await transaction((query) =>
        sessions.beginGuest(query, {
          id: sessions.sessionId(secret),
          user,
          network: networkOf(request.ip),
          seconds: guestSeconds,
          most: guestsPerAddress,
        }),
      )
      if ('refused' in begun) throw refusalError(begun)
      return { session: begun, setCookie: headerOf(request, secret, guestSeconds) }
    },
    async begin(request, { user, roles, seconds }) {
      const secret = sessions.newSecret()
      const session = { id: sessions.sessionId(secret), user, roles, guest: false }
      const old = cookieIn(request.headers.cookie, cookie, request.protocol)
      if (old !== undefined) await endById(sessions.sessionId(old))
      const network = networkOf(request.ip)
      await transaction((query) => sessions.beginAccount(query, session, { network, seconds }))
      return { session, setCookie: headerOf(request, secret, seconds) }
    },
    async tokenOf(session) {
      const { user, guest, roles } = session
      const expiresAt = (Math.floor(clock.now() / 1000) + sessions.tokenLifetime) * 1000
      const token = await tokens.signSession(session, sessions.tokenLifetime)
      return { token, user, roles, guest, expiresAt }
    },
    async end(request, id) {
      const secret = secretOf(request)
      if (secret !== undefined) await endById(sessions.sessionId(secret))
      if (id !== undefined) await endById(id)
    },
    removal: (request) => headerOf(request, '', 0),
  }
}

/** Returns the tokens of the service, with a check whether the session of a token has ended. */
export function checkingBrowserSessions(options: RoutesOptions): RoutesOptions['tokens'] {
  const work = createWork({ active: 8, waiting: 1_000, deadline: 4_000 }, options)
  return checkingSessions(options.tokens, (id) =>
    work.run('session', () => sessions.hasEnded(options.database.query, id)),
  )
}
