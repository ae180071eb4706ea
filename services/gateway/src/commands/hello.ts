import { isUserName, type Limits, RabbleError, type User } from '@rabble/contract'
import { guestId } from '@rabble/contract/ids'
import type { Identity, Rates, Tokens } from '@rabble/service'
import type { Rooms } from '../rooms/index.ts'
import type { Hub } from '../sessions/hub.ts'
import type { Session } from '../sessions/session.ts'
import { type AdmitParts, admit, type Entry, freshToken, settle } from './admit.ts'
import { type Command, withRef } from './command.ts'

export interface HelloParts extends AdmitParts, RefusalParts {
  readonly limits: Limits
  /** Whether this gateway has a public address of its own. */
  readonly hasPublicUrl: boolean
  readonly tokens: Pick<Tokens, 'verify'>
  /** Limits the new guests (without a token) of each address. */
  readonly newGuests: Rates
  readonly hub: Pick<Hub, 'identify'>
  readonly rooms: Pick<Rooms, 'policies' | 'names' | 'audit'> | undefined
}

/** Parts that recording a refusal needs. */
export interface RefusalParts {
  readonly id: string
  readonly rooms: Pick<Rooms, 'audit'> | undefined
}

/** Identifies the client: by a token or, where guests are welcome, by a name. */
export const hello: Command<'hello', HelloParts> = async (parts, session, frame) => {
  if (session.user !== undefined) throw new RabbleError('bad-frame', 'the session has already said hello')
  const { rooms } = parts
  const { name } = frame
  const entry = await enter(parts, session, frame).catch((error: unknown) => {
    recordRefusal(parts, error, undefined, name)
    throw error
  })
  const { user } = entry
  if (session.closed) {
    // A new guest did not get its token, so it cannot come back.
    rooms?.names.gone(user, frame.token === undefined)
    return
  }
  parts.hub.identify(session, user)
  if (entry.isNew) session.hasNoPast()
  session.reply({
    type: 'welcome',
    ...withRef(frame.ref),
    session: session.id,
    user,
    gateway: parts.id,
    limits: parts.limits,
    ...(entry.isNew && { isNew: true }),
    ...settle(parts, session, entry),
    ...(parts.hasPublicUrl && { route: true }),
  })
}

async function enter(
  parts: HelloParts,
  session: Session,
  frame: { token?: string; name?: string },
): Promise<Entry> {
  const { rooms } = parts
  const known = await identify(parts, session, frame)
  if (typeof known !== 'string') return admit(parts, known)
  if (rooms === undefined) return { user: { id: guestId(known), name: known }, roles: [], guest: true }
  rooms.policies.checkLoaded()
  // Each new guest holds a name, and finding a free one is a call to the service.
  const retryAfter = parts.newGuests.take(session.network)
  if (retryAfter > 0) {
    throw new RabbleError('rate-limited', 'too many new guests come from this address', { retryAfter })
  }
  const claimed = await rooms.names.claim({ name: known })
  return { user: claimed.user, roles: [], guest: true, isNew: true, ...freshToken(claimed) }
}

/** Returns the identity of a token, or the name of a guest without a token. */
async function identify(
  parts: HelloParts,
  session: Session,
  { token, name }: { token?: string; name?: string },
): Promise<Identity | string> {
  if (token !== undefined) return parts.tokens.verify(token)
  const named = name !== undefined && parts.auth === 'guest'
  if (session.cookie !== undefined) {
    try {
      return await parts.tokens.verify(session.cookie)
    } catch (error) {
      // Browsers may keep cookies after their tokens have expired.
      if (!named || !(error instanceof RabbleError) || error.code !== 'unauthorized') throw error
    }
  }
  if (parts.auth !== 'guest') throw new RabbleError('unauthorized', 'hello needs a token here')
  if (name === undefined) throw new RabbleError('unauthorized', 'hello needs a name or a token')
  const normalised = name.normalize('NFC').trim()
  if (!isUserName(normalised)) {
    throw new RabbleError(
      'bad-frame',
      'a name has 1 to 64 characters, none of them control or formatting characters and not all of them invisible, and is not System',
    )
  }
  return normalised
}

const logged: ReadonlySet<string> = new Set(['unauthorized', 'forbidden', 'name-taken'])

/** Records the refusal of a client for moderators. `user` is given only if it is known for sure. */
export function recordRefusal({ id, rooms }: RefusalParts, error: unknown, user?: User, name?: string): void {
  if (!(error instanceof RabbleError) || !logged.has(error.code)) return
  rooms?.audit.refused({ code: error.code, gateway: id, ...(name !== undefined && { name }) }, user)
}
