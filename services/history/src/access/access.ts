import { RabbleError, type RoomKind, roomKind } from '@rabble/contract'
import {
  type Identity,
  type InternalTokens,
  type Origins,
  requireCaller,
  serviceOf,
  type Tokens,
  callerOf as tokenCallerOf,
} from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import type { Readers } from './readers.ts'

export interface AccessOptions {
  tokens: Pick<Tokens, 'verify'>
  /** Whether everybody needs a token (`RABBLE_AUTH=jwt`), or only who reads what isn't for all. */
  requireToken: boolean
  readers: Readers
}

type Request = Pick<FastifyRequest, 'method' | 'headers' | 'host' | 'protocol'>

/** Nothing can be changed here, so it doesn't matter which page a reader's cookie comes from: it can't read the answer. */
const allowedOrigins: Origins = new Set()

/**
 * Whether a request may read a room. Who may enter may read rooms and what was said to everybody (`*`), as it gets them
 * live; direct messages and what is for one user are for those whose token says that they are meant. A guest by name
 * alone can't prove that, so it can't read them. Resolves to who makes the request, as `callerOf`.
 * @throws RabbleError `bad-frame` for no room's name, `unauthorized`, `forbidden`, `unavailable`
 */
export async function checkAccess(
  room: string,
  request: Request,
  options: AccessOptions,
): Promise<Identity | undefined> {
  const users = participants(room)
  if (users === undefined) {
    const caller = await callerOf(request, options)
    await options.readers.check(room, caller)
    return caller
  }
  const caller = await requireCaller(request, { ...options, allowedOrigins })
  checkParticipant(users, caller.user.id)
  return caller
}

/**
 * Whether a service may read a room: what is for all, or for the user on whose behalf it asks.
 * @throws RabbleError as `checkAccess`
 */
export async function checkServiceAccess(
  room: string,
  request: Request,
  internalTokens: Pick<InternalTokens, 'verify'> | undefined,
): Promise<void> {
  const users = participants(room)
  const { for: user } = await serviceOf(request.headers.authorization, internalTokens)
  checkParticipant(users, user)
}

/**
 * Who makes a request; undefined if it has no token and none is required.
 * @throws RabbleError `unauthorized`
 */
export function callerOf(request: Request, options: AccessOptions): Promise<Identity | undefined> {
  const identify = options.requireToken ? requireCaller : tokenCallerOf
  return identify(request, { ...options, allowedOrigins })
}

function checkParticipant(users: readonly string[] | undefined, user: string | undefined): void {
  if (users !== undefined && (user === undefined || !users.includes(user))) {
    throw new RabbleError('forbidden', 'only its participants may read this room')
  }
}

/** Undefined if it is for all. */
function participants(room: string): readonly string[] | undefined {
  const kind: RoomKind | undefined = roomKind(room)
  switch (kind?.kind) {
    case 'direct':
      return kind.users
    case 'user':
      return [kind.user]
    case 'room':
    case 'everybody':
      return undefined
    case undefined:
      throw new RabbleError('bad-frame', 'that is not the name of a room')
    default:
      return kind satisfies never
  }
}
