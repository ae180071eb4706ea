import { RabbleError, type User } from '@rabble/contract'
import { readable } from '../messages/access.ts'
import { mostNames } from '../rooms/index.ts'
import { type Command, type Context, withRef } from './command.ts'

/** Who is in a room: over all gateways, or over this one where each is alone. */
export const members: Command<'members'> = async (context, session, frame) => {
  if (session.user === undefined) return
  const { kind } = readable(frame.room, session.user)
  if (kind !== 'room') throw new RabbleError('bad-frame', 'only rooms that are joined have members')
  if (!session.rooms.has(frame.room)) throw new RabbleError('not-joined', 'join the room first')
  context.replays.check(session.sharers)
  const roster = context.rooms?.roster.members(frame.room, session.sharers)
  const { users, count } = (await roster) ?? local(context.hub, frame.room)
  const bytes = session.reply({
    type: 'members',
    ...withRef(frame.ref),
    room: frame.room,
    users: users.slice(0, mostNames),
    count,
  })
  context.replays.spend(session.sharers, bytes)
}

function local(hub: Context['hub'], room: string): { users: User[]; count: number } {
  const users = hub.users(room)
  return { users, count: users.length }
}
