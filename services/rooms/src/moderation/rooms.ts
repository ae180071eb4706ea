import { isRoomName, isUserId, RabbleError, roomNameRule } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { isModerator } from '@rabble/service'
import { skeletonsOf } from '../names/skeleton.ts'
import { lockCounts } from '../presence/presence.ts'
import { becomeFormer, isFormer } from '../rooms/former-rooms.ts'
import { lookAlike, lookAlikesAmong } from '../rooms/room-looks.ts'
import { day, lockRoom, policyOf, type RoomRow, roomColumns } from '../rooms/room-rows.ts'
import { foldedOf } from '../rooms/room-search.ts'
import { checkOwner } from './authorization.ts'
import { isBanned } from './bans.ts'
import type { Change } from './changes.ts'

/** Settings of a room. Null removes a setting. */
export interface RoomSettings {
  topic?: string
  capacity?: number | null
  access?: 'open' | 'invite'
  single?: boolean
  announce?: boolean
  receipts?: boolean
  mentionAll?: boolean
  retention?: { days?: number | null; messages?: number | null } | null
}

/** @throws RabbleError `bad-frame` */
export function checkRoomName(name: string): void {
  if (!isRoomName(name)) throw new RabbleError('bad-frame', roomNameRule)
}

/** @throws RabbleError `bad-frame` */
export function checkUserId(id: string): void {
  if (!isUserId(id)) throw new RabbleError('bad-frame', 'user must be the id of a user')
}

const unset: Omit<RoomRow, 'name' | 'created_by' | 'created_at'> = {
  topic: '',
  capacity: null,
  access: 'open',
  single: false,
  announce: false,
  receipts: true,
  mention_all: false,
  retention_age: null,
  retention_messages: null,
}

/** Returns the columns of a row with these settings applied. */
function withSettings<Row extends typeof unset>(
  row: Row,
  { retention, mentionAll = row.mention_all, ...settings }: RoomSettings,
): Row {
  return {
    ...row,
    ...settings,
    mention_all: mentionAll,
    ...(retention !== undefined && {
      retention_age: typeof retention?.days === 'number' ? retention.days * day : null,
      retention_messages: retention?.messages ?? null,
    }),
  }
}

/** Columns of the settings; `settingValues` has the same order. */
const settingColumns =
  'topic, capacity, access, single, announce, receipts, mention_all, retention_age, retention_messages'
function settingValues(row: typeof unset): unknown[] {
  const { topic, capacity, access, single, announce, receipts, mention_all } = row
  const settings = [topic, capacity, access, single, announce, receipts, mention_all]
  return [...settings, row.retention_age, row.retention_messages]
}

/**
 * Creates a room, which then belongs to the caller. Only a moderator may use a name that may have messages: the settings would
 * affect what others said before, since `retention` would delete it and `access` would hide it.
 * @throws RabbleError `room-exists`, also for a room that appeared without being created (its users would find it changed), and
 * if another room looks like it; `forbidden`
 */
export async function createRoom(change: Change, name: string, settings: RoomSettings): Promise<RoomRow> {
  const { query, caller } = change
  if ((await lookAlikesAmong(query, [name])).has(name)) throw new RabbleError('room-exists', lookAlike)
  const values = settingValues(withSettings(unset, settings))
  const [row] = await query<RoomRow>(
    `insert into rooms.rooms (name, folded, skeletons, created_by, ${settingColumns})
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing returning ${roomColumns}`,
    [name, foldedOf(name, settings.topic ?? ''), skeletonsOf(name), caller.user.id, ...values],
  )
  if (row === undefined) throw new RabbleError('room-exists', 'there is such a room already')
  if (!isModerator(caller) && (await isFormer(query, name))) {
    throw new RabbleError(
      'forbidden',
      'there was a room of this name, so only moderators may create it again',
    )
  }
  change.policy({ key: policyKey(name), policy: policyOf(row) })
  change.record({ action: 'room.create', room: name, ...detailOf(settings) })
  return row
}

/** Changes a room. One that appeared without being created then belongs to the moderator who changes it, and is kept. */
export async function changeRoom(change: Change, name: string, settings: RoomSettings): Promise<RoomRow> {
  const { query, caller } = change
  const old = await lockRoom(query, name, 'update')
  await checkOwner(query, caller, old)
  if (Object.keys(settings).length === 0) return old
  const changed = withSettings(old, settings)
  const [row] = await query<RoomRow>(
    `update rooms.rooms set (${settingColumns}) = ($4, $5, $6, $7, $8, $9, $10, $11, $12), folded = $2, updated_at = now(),
       created_by = coalesce(created_by, $3), empty_since = null
     where name = $1 returning ${roomColumns}`,
    [name, foldedOf(name, changed.topic), caller.user.id, ...settingValues(changed)],
  )
  if (row === undefined) throw new Error('a room that is locked is gone')
  change.policy({ key: policyKey(name), policy: policyOf(row) })
  change.record({ action: 'room.change', room: name, ...detailOf(settings) })
  return row
}

/**
 * Deletes a room with its invitations, bans and mutes. Its messages stay in history for as long as history keeps them. An
 * invite-only room therefore remains, without owner and invitations: if it were gone, it would appear again for the next user
 * who joins it, with its messages.
 */
export async function deleteRoom(change: Change, name: string): Promise<void> {
  const { query, caller } = change
  const room = await lockRoom(query, name, 'update')
  await checkOwner(query, caller, room)
  // A user who takes a seat at this moment is either seated before, and kicked, or finds no room.
  await lockCounts(query, [name])
  const lifted = await query<{ id: number }>('delete from rooms.restrictions where room = $1 returning id', [
    name,
  ])
  if (room.access === 'invite') {
    await query('delete from rooms.invitations where room = $1', [name])
    await query("update rooms.rooms set created_by = null, topic = '', folded = $2 where name = $1", [
      name,
      foldedOf(name, ''),
    ])
  } else {
    await query('delete from rooms.rooms where name = $1', [name])
    await becomeFormer(query, [name])
  }
  change.policy({
    key: policyKey(name),
    policy: {
      kind: 'room',
      room: name,
      deleted: true,
      ...(room.access === 'invite' && { inviteOnly: true }),
    },
  })
  for (const { id } of lifted) change.policy({ key: `restriction:${id}`, policy: null })
  change.record({ action: 'room.delete', room: name })
}

/** Returns the number of users who are in a room now. */
export async function countOf(query: Database['query'], name: string): Promise<number> {
  const [row] = await query<{ users: number }>('select users from rooms.presence where room = $1', [name])
  return row?.users ?? 0
}

/**
 * Returns a room, if the caller may know of it.
 * @throws RabbleError `room-not-found`, `unauthorized`, `forbidden`
 */
export async function findRoom(
  query: Database['query'],
  name: string,
  caller: { user: { id: string }; roles: readonly string[] } | undefined,
): Promise<RoomRow> {
  const [row] = await query<RoomRow>(`select ${roomColumns} from rooms.rooms where name = $1`, [name])
  if (row === undefined) throw new RabbleError('room-not-found', 'there is no such room')
  const outsider = caller !== undefined && !isModerator(caller)
  if (outsider && (await isBanned(query, caller.user.id, name))) {
    throw new RabbleError('forbidden', 'you may not enter this room')
  }
  if (await isInvited(query, row, caller)) return row
  throw new RabbleError(
    caller === undefined ? 'unauthorized' : 'forbidden',
    'this room is for those who are invited',
  )
}

/** Whether a user may enter a room: it is open, or the user was invited or needs no invitation. */
async function isInvited(
  query: Database['query'],
  room: RoomRow,
  caller: { user: { id: string }; roles: readonly string[] } | undefined,
): Promise<boolean> {
  if (room.access === 'open') return true
  if (caller === undefined) return false
  if (isModerator(caller) || room.created_by === caller.user.id) return true
  const invited = await query('select from rooms.invitations where room = $1 and user_id = $2', [
    room.name,
    caller.user.id,
  ])
  return invited.length > 0
}

function policyKey(name: string): string {
  return `room:${name}`
}

function detailOf(settings: RoomSettings): { detail?: Record<string, unknown> } {
  return Object.keys(settings).length === 0 ? {} : { detail: { ...settings } }
}
