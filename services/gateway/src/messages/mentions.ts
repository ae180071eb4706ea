import { isUserId, RabbleError, roomKind } from '@rabble/contract'

/** Names in `mentions` that stand for several users. */
const groups: ReadonlySet<string> = new Set(['@room', '@here'])

/**
 * Checks the mentions of a message, if it has some. `mayMentionAll` tells whether the author may mention groups in this room; default:
 * yes.
 * @throws RabbleError `bad-frame`, `forbidden`
 */
export function checkMentions(
  { type, mentions }: { type: string; mentions?: readonly string[] },
  room: string,
  mayMentionAll: () => boolean = () => true,
): void {
  if (mentions === undefined) return
  for (const name of mentions) {
    if (groups.has(name)) {
      if (roomKind(room)?.kind !== 'room') {
        throw new RabbleError('bad-frame', `${type}: ${name} is for rooms`)
      }
      if (!mayMentionAll()) {
        throw new RabbleError(
          'forbidden',
          `only the owner of the room and moderators may mention ${name} here`,
        )
      }
    } else if (!isUserId(name)) {
      throw new RabbleError('bad-frame', `${type}: mentions has the ids of users, @room or @here`)
    }
  }
}
