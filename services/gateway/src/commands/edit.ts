import { randomUUID } from 'node:crypto'
import { RabbleError } from '@rabble/contract'
import { editId } from '@rabble/contract/ids'
import { checkWritable } from '../messages/access.ts'
import { checkText, textOf } from '../messages/text.ts'
import { changeable } from './change.ts'
import type { Command } from './command.ts'
import { publish } from './publish.ts'

/** Gives a message another text. */
export const edit: Command<'edit'> = async (context, session, frame) => {
  const { user } = session
  if (user === undefined) return
  session.takeMessage()
  checkText(frame, context.limits)
  const { message, fields } = await changeable(context, session, user, frame)
  const checkVoice = () => context.rooms?.policies.checkVoice(user.id, frame.room)
  checkVoice()
  if (message.deleted !== undefined) throw new RabbleError('message-not-found', 'this message was deleted')
  const { room, cid } = frame
  const id = editId(user.id, room, message.id, cid ?? randomUUID())
  const event = {
    type: 'edit',
    room,
    id,
    ...fields,
    ...(cid !== undefined && { cid }),
    text: textOf(frame),
  } as const
  return publish(context, session, event, frame, () => {
    checkWritable(room, user, session)
    checkVoice()
  })
}
