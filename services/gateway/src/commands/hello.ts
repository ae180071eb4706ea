import { isUserName, RabbleError, type User } from '@rabble/contract'
import { guestId } from '@rabble/contract/ids'
import type { Identity } from '@rabble/service'
import type { Session } from '../session.ts'
import { type Command, type Context, withRef } from './command.ts'

/** Who is it? A token says so for sure; a name alone makes a guest, where guests are welcome. */
export const hello: Command<'hello'> = async (context, session, frame) => {
  if (session.user !== undefined) throw new RabbleError('bad-frame', 'hello was said already')
  const { rooms } = context
  const { name } = frame
  const entry = await enter(context, session, frame).catch((error: unknown) => {
    recordRefusal(context, error, name)
    throw error
  })
  const { user, roles, guest, expiresAt, token } = entry
  if (session.closed) {
    // Nobody got the token with which a new guest could come back.
    rooms?.names.gone(user, frame.token === undefined)
    return
  }
  session.roles = roles
  session.expiresAt = expiresAt
  context.hub.identify(session, user)
  // Where no guest may enter, nobody's name has to be held.
  if (context.auth === 'guest') rooms?.names.arrived(user, guest ? undefined : expiresAt)
  session.reply({
    type: 'welcome',
    ...withRef(frame.ref),
    session: session.id,
    user,
    gateway: context.id,
    limits: context.limits,
    ...(token !== undefined && { token }),
  })
}

/** Who comes in, until when (milliseconds since 1970) unless for as long as the name is held, and how to come back. */
interface Entry {
  user: User
  roles: readonly string[]
  guest: boolean
  expiresAt?: number
  token?: string
}

async function enter(
  context: Context,
  session: Session,
  frame: { token?: string; name?: string },
): Promise<Entry> {
  const { rooms } = context
  const known = await identify(context, session, frame)
  if (typeof known === 'string') {
    if (rooms === undefined) return { user: { id: guestId(known), name: known }, roles: [], guest: true }
    rooms.policies.checkLoaded()
    const { user, token } = await rooms.names.claim({ name: known })
    return { user, roles: [], guest: true, ...(token !== undefined && { token }) }
  }
  const { user, guest, expiresAt } = known
  await rooms?.policies.checkEntry(user.id)
  if (context.auth !== 'guest' || rooms === undefined) return known
  const account = guest ? {} : { account: expiresAt }
  const claim = { name: user.name, user: user.id, ...account }
  const claimed = await rooms.names.claim(claim).catch((error: unknown) => {
    // The token says whose the name is; it is claimed when that can be done again.
    if (error instanceof RabbleError && error.code === 'unavailable') return undefined
    throw error
  })
  await rooms.policies.checkEntry(user.id)
  if (claimed === undefined || !guest) return known
  return { user, roles: [], guest, ...(claimed.token !== undefined && { token: claimed.token }) }
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

function recordRefusal({ id, rooms }: Context, error: unknown, name: string | undefined): void {
  if (!(error instanceof RabbleError) || !logged.has(error.code)) return
  rooms?.audit.refused({ code: error.code, gateway: id, ...(name !== undefined && { name }) })
}
