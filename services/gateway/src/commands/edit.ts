import { randomUUID } from 'node:crypto'
import { type Limits, RabbleError } from '@rabble/contract'
import { editId } from '@rabble/contract/ids'
import { checkWritable } from '../messages/access.ts'
import { checkText, textOf } from '../messages/text.ts'
import type { Rooms } from '../rooms/index.ts'
import { type ChangeParts, changeable } from './change.ts'
import type { Command } from './command.ts'
import { type PublishParts, publish } from './publish.ts'

export interface EditParts extends ChangeParts, PublishParts {
  readonly limits: Limits
  readonly rooms: Pick<Rooms, 'policies'> | undefined
}

/** Replaces the text of a message. */
export const edit: Command<'edit', EditParts> = async (parts, session, frame) => {
  const { user } = session
  checkText(frame, parts.limits)
  const { message, fields } = await changeable(parts, session, frame)
  const checkVoice = () => parts.rooms?.policies.checkVoice(user.id, frame.room)
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
  return publish(parts, session, event, frame, () => {
    checkWritable(room, user, session)
    checkVoice()
  })
}
