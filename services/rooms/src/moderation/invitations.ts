import { RabbleError } from '@rabble/contract'
import { lockCounts } from '../presence/presence.ts'
import { lockRoom } from '../rooms/room-rows.ts'
import { checkOwner } from './authorization.ts'
import type { Change } from './changes.ts'

const most = 10_000

/**
 * Invites a user into a room. In a room that is not invite-only, the invitation counts once it becomes so.
 * @throws RabbleError `room-not-found`, `forbidden`, `too-large`
 */
export async function invite({ query, caller, record }: Change, room: string, user: string): Promise<void> {
  // Not a shared lock: two requests must not count at the same time.
  await checkOwner(query, caller, await lockRoom(query, room, 'update'))
  const added = await query(
    `insert into rooms.invitations (room, user_id, invited_by) values ($1, $2, $3)
     on conflict do nothing returning 1`,
    [room, user, caller.user.id],
  )
  if (added.length === 0) return
  const [row] = await query<{ count: number }>('select count(*) from rooms.invitations where room = $1', [
    room,
  ])
  if ((row?.count ?? 0) > most) {
    throw new RabbleError('too-large', `a room has no more than ${most} invitations`)
  }
  record({ action: 'invite', room, user })
}

/** Takes an invitation back. Kicks the user from an invite-only room. */
export async function uninvite(
  { query, caller, record, kick }: Change,
  room: string,
  user: string,
): Promise<void> {
  const row = await lockRoom(query, room, 'update')
  await checkOwner(query, caller, row)
  // A user who takes a seat at this moment is either seated before, and kicked, or finds no invitation.
  if (row.access === 'invite') await lockCounts(query, [room])
  const deleted = await query('delete from rooms.invitations where room = $1 and user_id = $2 returning 1', [
    room,
    user,
  ])
  if (deleted.length === 0) return
  record({ action: 'uninvite', room, user })
  if (row.access === 'invite' && row.created_by !== user) {
    kick({ user, room, message: 'the invitation to this room was taken back' })
  }
}
