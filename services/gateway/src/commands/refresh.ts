import { RabbleError } from '@rabble/contract'
import { admit, settle } from './admit.ts'
import { type Command, withRef } from './command.ts'
import { recordRefusal } from './hello.ts'

/**
 * Gives the session another token of its user: until when it lasts, and what the user may do, is what that one says. The name
 * stays what others know it by.
 */
export const refresh: Command<'refresh'> = async (context, session, frame) => {
  const { user } = session
  if (user === undefined) return
  session.takeRefresh()
  const renew = async () => {
    const known = await context.tokens.verify(frame.token)
    if (known.user.id !== user.id) throw new RabbleError('forbidden', 'this token is of another user')
    return admit(context, { ...known, user })
  }
  const entry = await renew().catch((error: unknown) => {
    recordRefusal(context, error, user)
    throw error
  })
  // It went while its name was claimed once more.
  if (session.closed) context.rooms?.names.gone(user, false)
  else session.reply({ type: 'refreshed', ...withRef(frame.ref), ...settle(context, session, entry) })
}
