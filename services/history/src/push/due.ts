import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'
import type { Subscription } from './push.ts'

/** A message that is to be pushed to a browser of a user. */
export interface DuePush extends Subscription {
  user: string
  room: string
  id: string
  from: { id: string; name: string }
  text: string
}

/** Time (ms) after which a message is too old for a push. */
const maxAge = 2 * 60 * 60 * 1000

interface Row extends Subscription {
  user_id: string
  room: string
  id: string
  sender_id: string
  sender_name: string
  text: string
}

/** A part of what is due, in the order of endpoints and rooms. */
export interface DueQuery {
  partition: number
  /** The sequences: those behind `after`, up to `until`. */
  after: number
  until: number
  limit: number
  /** The last push of the part before. */
  behind?: Pick<DuePush, 'endpoint' | 'room'> | undefined
}

/**
 * Returns what the stored messages of some sequences are to be pushed as, at the state of now: a direct message to its other user, a
 * mention to its members, except if they have read it, have muted the conversation, or have left it. Authors have read what they
 * wrote. Of several messages of one conversation, a browser gets the newest one, as it would show only that. Deleted and old messages
 * are left out.
 */
export async function duePushes({ query }: Pick<Database, 'query'>, asked: DueQuery): Promise<DuePush[]> {
  const { partition, after, until, limit, behind } = asked
  const rows = await query<Row>(
    `with news as (
       select sequence, id, room, sender_id, sender_name, text from history.messages
       where partition = $1 and sequence > $2 and sequence <= $3 and deleted is null
         and at > now() - $4::float8 * interval '1 millisecond'
     ), named as (
       select news.sequence, news.room, user_id from news join history.mentions on mentions.message = news.id
     ), addressed as (
       select sequence, room, user_id from named where user_id <> '@room'
       union all
       select named.sequence, room, subscribed.user_id from named
       cross join (select distinct user_id from history.push_subscriptions) as subscribed where named.user_id = '@room'
       union all
       select sequence, room, split_part(room, ':', part) from news
       cross join (values (2), (3)) as parts (part) where room >= 'dm:' and room < 'dm;'
     )
     select distinct on (endpoint, room) endpoint, p256dh, auth, user_id, room, id, sender_id, sender_name, text
     from addressed join news using (sequence, room)
     join history.conversations using (user_id, room) join history.push_subscriptions using (user_id)
     where not muted and read_sequence < sequence
       ${behind === undefined ? '' : 'and (endpoint, room) > ($6, $7)'}
     order by endpoint, room, sequence desc limit $5`,
    [
      ...[partition, after, until, maxAge, limit],
      ...(behind === undefined ? [] : [behind.endpoint, storable(behind.room)]),
    ],
  )
  return rows.map(({ endpoint, p256dh, auth, user_id, room, id, sender_id, sender_name, text }) => ({
    endpoint,
    p256dh,
    auth,
    user: restored(user_id),
    room: restored(room),
    id: restored(id),
    from: { id: restored(sender_id), name: restored(sender_name) },
    text: restored(text),
  }))
}
