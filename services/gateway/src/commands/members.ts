import { type Member, RabbleError } from '@rabble/contract'
import { readable } from '../messages/access.ts'
import type { ReplayBudget } from '../replay/replay-budget.ts'
import { maxNames, type Rooms } from '../rooms/index.ts'
import { memberHere } from '../rooms/members-here.ts'
import type { Hub } from '../sessions/hub.ts'
import { type Command, withRef } from './command.ts'

export interface MembersParts {
  readonly hub: Pick<Hub, 'users' | 'sessionsOf'>
  readonly rooms: Pick<Rooms, 'roster'> | undefined
  readonly replays: ReplayBudget
}

/** Lists the users in a room: over all gateways, or over this one where there is no rooms service. */
export const members: Command<'members', MembersParts> = async (parts, session, frame) => {
  const { hub, rooms, replays } = parts
  const { kind } = readable(frame.room, session.user)
  if (kind !== 'room') throw new RabbleError('bad-frame', 'only rooms that are joined have members')
  if (!session.rooms.has(frame.room)) throw new RabbleError('not-joined', 'join the room first')
  replays.check(session.sharers)
  const { users, count } =
    (await rooms?.roster.members(frame.room, session.sharers)) ?? membersHere(hub, frame.room)
  const bytes = session.reply({
    type: 'members',
    ...withRef(frame.ref),
    room: frame.room,
    users: users.slice(0, maxNames),
    count,
  })
  replays.spend(session.sharers, bytes)
}

function membersHere(hub: MembersParts['hub'], room: string): { users: Member[]; count: number } {
  const users = hub.users(room).map((user) => memberHere(hub, room, user))
  return { users, count: users.length }
}
