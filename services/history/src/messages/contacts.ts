import { directRoom } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'
import { throughOf } from './through.ts'

/** Another user, as a user may see them. */
export interface Contact {
  user: string
  /** Whether both share a direct conversation, and both show whether they are here. */
  shown: boolean
  /** When the other user was last here (ms since 1970), if that is known and shown. */
  seenAt?: number
}

export interface Contacts {
  /** Offsets of the log, by partition, up to which they are complete; null if nothing of the partition is stored yet. */
  through: (number | null)[]
  contacts: Contact[]
}

/** Maximum number of users in one question. */
export const maxContacts = 200

/** Returns which of some users a user may see. */
export async function contactsOf(
  database: Database,
  partitions: number,
  { user, users }: { user: string; users: readonly string[] },
): Promise<Contacts> {
  // Read first, so that the offsets are never ahead of the states.
  const through = await throughOf(database, partitions)
  const rows = await database.query<{ user_id: string; shown: boolean; seen_at: number | null }>(
    `select asked.user_id, (conversations.user_id is not null and coalesce(theirs.presence, true)
         and not exists (select from history.privacy mine where mine.user_id = $1 and not presence)) as shown,
       (extract(epoch from seen_at) * 1000)::bigint as seen_at
     from unnest($2::text[], $3::text[]) as asked (user_id, room)
     left join history.conversations on conversations.user_id = $1 and conversations.room = asked.room
     left join history.privacy theirs on theirs.user_id = asked.user_id
     left join history.seen on seen.user_id = asked.user_id`,
    [storable(user), users.map(storable), users.map((other) => storable(directRoom(user, other)))],
  )
  const contacts = rows.map(({ user_id, shown, seen_at }) => ({
    user: restored(user_id),
    shown,
    ...(shown && seen_at !== null && { seenAt: seen_at }),
  }))
  return { through, contacts }
}
