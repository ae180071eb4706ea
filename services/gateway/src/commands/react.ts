import { emojiOf, maxEmoji, RabbleError, type ReactionEvent } from '@rabble/contract'
import { reactionId } from '@rabble/contract/ids'
import { checkWritable } from '../messages/access.ts'
import type { ReactionRevisions } from '../replay/reaction-revisions.ts'
import type { Rooms } from '../rooms/index.ts'
import { type ChangeParts, writableMessage } from './change.ts'
import { type Command, withRef } from './command.ts'
import { type PublishParts, publishNow } from './publish.ts'

export interface ReactParts extends ChangeParts, PublishParts {
  readonly revisions: ReactionRevisions
  readonly rooms: Pick<Rooms, 'policies'> | undefined
}

/**
 * Reacts to a message, or takes a reaction back. A repeat is only acknowledged. The id follows from the number of the user's
 * earlier reactions, so the same step through several gateways is one event.
 */
export const react: Command<'react', ReactParts> = async (parts, session, frame) => {
  const { user } = session
  const { room, id: message, remove = false } = frame
  const emoji = emojiOf(frame.emoji)
  if (emoji === undefined) throw new RabbleError('bad-frame', 'react: emoji must be exactly one emoji')
  const checkAllowed = () => {
    if (session.closed) throw new RabbleError('unauthorized', 'this session has ended')
    checkWritable(room, user, session)
    parts.rooms?.policies.checkVoice(user.id, room)
  }
  checkAllowed()
  const { deleted, reactions = [] } = await writableMessage(parts, session, frame)
  if (deleted !== undefined) throw new RabbleError('message-not-found', 'this message was deleted')
  const key = { room, message, from: user, emoji }
  const last = await parts.revisions.last(key, session.sharers)
  checkAllowed()
  const idOf = (revision: number) => reactionId(user.id, room, message, emoji, revision)
  if ((last % 2 === 1) !== remove) {
    session.reply({ type: 'sent', ...withRef(frame.ref), id: idOf(last) })
    return
  }
  if (!remove && reactions.length >= maxEmoji && !reactions.some((known) => known.emoji === emoji)) {
    throw new RabbleError('too-large', `a message has no more than ${maxEmoji} different emoji`)
  }
  const event: ReactionEvent = {
    type: 'reaction',
    room,
    id: idOf(last + 1),
    message,
    from: user,
    at: new Date(parts.clock.now()).toISOString(),
    via: parts.id,
    emoji,
    ...(remove && { remove }),
    revision: last + 1,
  }
  parts.revisions.underway(event, publishNow(parts, session, event, frame.ref))
}
