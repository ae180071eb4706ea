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
  /** Whether every request needs a token (`RABBLE_AUTH=jwt`), or only those for rooms that not everybody may read. */
  requireToken: boolean
  readers: Readers
}

type Request = Pick<FastifyRequest, 'method' | 'headers' | 'host' | 'protocol'>

/** Empty: requests change nothing here, so the origin of a page does not matter. The page can't read the answer. */
const allowedOrigins: Origins = new Set()

/**
 * Checks whether a request may read a room. A user who may enter a room may read it, and may read the messages to everybody
 * (`*`), as it receives them live. Direct messages and messages for one user need a token of one of their users. A guest who
 * only gives a name can't prove its identity, so it can't read them. Resolves to the caller, as `callerOf` does.
 * @throws RabbleError `bad-frame` for an invalid room name, `unauthorized`, `forbidden`, `unavailable`
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
 * Checks whether a service may read a room: one for everybody, or one for the user on whose behalf it asks.
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
 * Returns the caller of a request; undefined if the request has no token and needs none.
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

/** Returns the only users who may read a room; undefined if it is for everybody. */
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
