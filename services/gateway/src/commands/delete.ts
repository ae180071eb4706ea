import { deleteId } from '@rabble/contract/ids'
import { changeable } from './change.ts'
import { type Command, withRef } from './command.ts'
import { publishNow } from './publish.ts'

/** Deletes a message. Of one that is deleted already it is only said again, so that a lost acknowledgement does no harm. */
export const remove: Command<'delete'> = async (context, session, frame) => {
  const { user } = session
  if (user === undefined) return
  session.takeMessage()
  const { message, fields } = await changeable(context, session, user, frame)
  const { room } = frame
  const id = deleteId(room, message.id)
  if (message.deleted !== undefined) session.reply({ type: 'sent', ...withRef(frame.ref), id })
  // A message is deleted once, however often it is said.
  else publishNow(context, session, { type: 'delete', room, id, ...fields }, frame.ref)
}
