import { RabbleError } from '@rabble/contract'
import type { HistoryClient } from '@rabble/history/client'
import type { Memberships } from '../conversations/memberships.ts'
import type { Watchers } from '../conversations/watchers.ts'
import type { Hub } from '../sessions/hub.ts'
import { type Command, withRef } from './command.ts'
import { acknowledge, type PersonalParts } from './personal.ts'

export interface LeaveParts extends PersonalParts {
  readonly hub: Pick<Hub, 'leave'>
  readonly memberships: Pick<Memberships, 'has' | 'leave'>
  readonly watchers: Pick<Watchers, 'isIn'>
  /** Undefined: nobody keeps memberships. */
  readonly history: HistoryClient | undefined
}

/** Removes the session from a room and, unless the user wants to stay one, ends the membership. */
export const leave: Command<'leave', LeaveParts> = (parts, session, frame) => {
  const { hub, memberships, watchers } = parts
  const { room, ref } = frame
  const user = session.user.id
  const ends = frame.keep !== true && parts.history !== undefined
  const isIn = session.rooms.has(room)
  const isMember = ends && (memberships.has(user, room) || watchers.isIn(user, room))
  if (!isIn && !isMember) throw new RabbleError('not-joined', 'this session is not in the room')
  if (ends) session.takePersonal()
  if (isIn) hub.leave(session, room)
  const reply = () => void session.reply({ type: 'left', ...withRef(ref), room })
  if (ends) acknowledge(parts, session, memberships.leave(user, room), ref, reply)
  else reply()
}
