import type { Database } from '@rabble/database'

/** Days after which a guest that does nothing with a conversation can't be the same any more. */
const days = 30
const rowsAtOnce = 500

/**
 * Deletes some conversations of guests who have not touched them for 30 days. Tokens of guests end long before, and each new guest has a
 * new id, so these rows would only grow. Returns their number.
 */
export async function forgetGuests({ query }: Pick<Database, 'query'>): Promise<number> {
  const rows = await query(
    `with gone as (
       select user_id, room from history.conversations
       where user_id >= 'guest-' and user_id < 'guest.' and touched_at < now() - $1::int * interval '1 day' limit $2
     ), choices as (
       -- Those of guests who have nothing any more.
       delete from history.privacy where user_id >= 'guest-' and user_id < 'guest.'
         and touched_at < now() - $1::int * interval '1 day'
         and not exists (select from history.conversations where conversations.user_id = privacy.user_id)
     ), seen as (
       delete from history.seen where user_id >= 'guest-' and user_id < 'guest.'
         and seen_at < now() - $1::int * interval '1 day'
     ), mentions as (
       delete from history.mentions using gone
       where (mentions.user_id, mentions.room) = (gone.user_id, gone.room)
     )
     delete from history.conversations using gone
     where (conversations.user_id, conversations.room) = (gone.user_id, gone.room) returning conversations.room`,
    [days, rowsAtOnce],
  )
  return rows.length
}
