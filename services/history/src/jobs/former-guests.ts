import { type Partition, retryForPartition } from '../projection/partition.ts'

/** Days after which a guest that does nothing with a conversation can't be the same any more. */
const days = 30
/** Minimum time (ms) between two rounds. */
const interval = 60 * 60_000
const rowsAtOnce = 500

/**
 * Returns a function that deletes conversations of guests who have not touched them for 30 days, once an hour. Tokens of guests end
 * long before, and each new guest has a new id, so these rows would only grow.
 */
export function forgettingGuests(options: Partition): () => Promise<void> {
  const { clock, database, partition, signal } = options
  let last = Number.NEGATIVE_INFINITY
  return async () => {
    // One partition is enough: they share the table.
    if (partition !== 0 || clock.monotonic() - last < interval) return
    last = clock.monotonic()
    for (let deleted = rowsAtOnce; deleted === rowsAtOnce && !signal.aborted; ) {
      const rows = await retryForPartition(
        { ...options, problems: new Map() },
        'deleting conversations of former guests',
        () =>
          database.query<{ room: string }>(
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
          ),
      ).catch(() => [])
      deleted = rows.length
    }
  }
}
