import { isUserId, RabbleError, roomKind } from '@rabble/contract'
import { moderator, service } from './access.ts'

/** Names in `mentions` that stand for several users. */
const groups: ReadonlySet<string> = new Set(['@room', '@here'])

/**
 * Checks the mentions of a message, if it has some.
 * @throws RabbleError `bad-frame`, `forbidden`
 */
export function checkMentions(
  { type, mentions }: { type: string; mentions?: readonly string[] },
  room: string,
  roles: readonly string[],
): void {
  if (mentions === undefined) return
  for (const name of mentions) {
    if (groups.has(name)) {
      if (roomKind(room)?.kind !== 'room') {
        throw new RabbleError('bad-frame', `${type}: ${name} is for rooms`)
      }
      if (!roles.includes(moderator) && !roles.includes(service)) {
        throw new RabbleError('forbidden', `only moderators may mention ${name}`)
      }
    } else if (!isUserId(name)) {
      throw new RabbleError('bad-frame', `${type}: mentions has the ids of users, @room or @here`)
    }
  }
}
