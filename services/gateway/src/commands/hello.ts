import { isUserName, RabbleError, type User } from '@rabble/contract'
import { guestId } from '@rabble/contract/ids'
import type { Identity } from '@rabble/service'
import type { Session } from '../sessions/session.ts'
import { admit, type Entry, freshToken, settle } from './admit.ts'
import { type Command, type Context, withRef } from './command.ts'

/** Who is it? A token says so for sure; a name alone makes a guest, where guests are welcome. */
export const hello: Command<'hello'> = async (context, session, frame) => {
  if (session.user !== undefined) throw new RabbleError('bad-frame', 'hello was said already')
  const { rooms } = context
  const { name } = frame
  const entry = await enter(context, session, frame).catch((error: unknown) => {
    recordRefusal(context, error, undefined, name)
    throw error
  })
  const { user } = entry
  if (session.closed) {
    // Nobody got the token with which a new guest could come back.
    rooms?.names.gone(user, frame.token === undefined)
    return
  }
  context.hub.identify(session, user)
  if (entry.isNew) session.hasNoPast()
  session.reply({
    type: 'welcome',
    ...withRef(frame.ref),
    session: session.id,
    user,
    gateway: context.id,
    limits: context.limits,
    ...settle(context, session, entry),
  })
}

async function enter(
  context: Context,
  session: Session,
  frame: { token?: string; name?: string },
): Promise<Entry> {
  const { rooms } = context
  const known = await identify(context, session, frame)
  if (typeof known !== 'string') return admit(context, known)
  if (rooms === undefined) return { user: { id: guestId(known), name: known }, roles: [], guest: true }
  rooms.policies.checkLoaded()
  // Each holds a name, and looking for a free one asks the service too.
  const retryAfter = context.newGuests.take(session.network)
  if (retryAfter > 0) {
    throw new RabbleError('rate-limited', 'too many new guests come from this address', { retryAfter })
  }
  const claimed = await rooms.names.claim({ name: known })
  return { user: claimed.user, roles: [], guest: true, isNew: true, ...freshToken(claimed) }
}

/** Whose token it is, or the name of a guest without one. */
async function identify(
  context: Context,
  session: Session,
  { token, name }: { token?: string; name?: string },
): Promise<Identity | string> {
  if (token !== undefined) return context.tokens.verify(token)
  const named = name !== undefined && context.auth === 'guest'
  if (session.cookie !== undefined) {
    try {
      return await context.tokens.verify(session.cookie)
    } catch (error) {
      // Browsers keep cookies for longer than they are good for something.
      if (!named || !(error instanceof RabbleError) || error.code !== 'unauthorized') throw error
    }
  }
  if (context.auth !== 'guest') throw new RabbleError('unauthorized', 'hello needs a token here')
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

/** Writes down for moderators who was not let in; `user`: if that is known for sure. */
export function recordRefusal({ id, rooms }: Context, error: unknown, user?: User, name?: string): void {
  if (!(error instanceof RabbleError) || !logged.has(error.code)) return
  rooms?.audit.refused({ code: error.code, gateway: id, ...(name !== undefined && { name }) }, user)
}
