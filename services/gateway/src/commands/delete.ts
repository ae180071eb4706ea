import { deleteId } from '@rabble/contract/ids'
import { type ChangeParts, changeable } from './change.ts'
import { type Command, withRef } from './command.ts'
import { type PublishParts, publishNow } from './publish.ts'

export interface DeleteParts extends ChangeParts, PublishParts {}

/** Deletes a message. A message that is deleted already is acknowledged again, so that a lost acknowledgement does no harm. */
export const remove: Command<'delete', DeleteParts> = async (parts, session, frame) => {
  const { message, fields } = await changeable(parts, session, frame)
  const { room } = frame
  const id = deleteId(room, message.id)
  if (message.deleted !== undefined) session.reply({ type: 'sent', ...withRef(frame.ref), id })
  // The id is derived from the message, so a repeat is not a second deletion.
  else void publishNow(parts, session, { type: 'delete', room, id, ...fields }, frame.ref)
}
