import type { Database } from '@rabble/database'
import { storable } from '../text/storable.ts'

/** User of the mentions of all members of a room. */
export const allMembers = '@room'

/** A user in a room or in a direct conversation. Strings are as they are stored. */
export interface Conversation {
  user_id: string
  room: string
  /** Undefined: unchanged. */
  since?: string
  read_id: string | null
  read_ordinal: number
  read_sequence: number
  /** Of the newest message that mentions the user. */
  mention_sequence: number
  muted: boolean
}

export interface Mention {
  user_id: string
  room: string
  sequence: number
  message: string
}

/** Returns the key of a conversation: no stored string has a NUL. */
export function keyOf(user: string, room: string): string {
  return keyOfStored(storable(user), storable(room))
}

function keyOfStored(user: string, room: string): string {
  return `${user}\0${room}`
}

/** Returns the conversations of these keys that exist. */
export async function loadConversations(
  query: Database['query'],
  keys: ReadonlySet<string>,
): Promise<Map<string, Conversation>> {
  const pairs = [...keys].map((key) => key.split('\0'))
  const rows = await query<Conversation>(
    `select user_id, room, read_id, read_ordinal, read_sequence, mention_sequence, muted
     from unnest($1::text[], $2::text[]) as asked (user_id, room) join history.conversations using (user_id, room)`,
    [pairs.map(([user]) => user), pairs.map(([, room]) => room)],
  )
  return new Map(rows.map((row) => [keyOfStored(row.user_id, row.room), row]))
}

export interface ConversationChanges {
  /** Conversations before the events, and after them. Undefined: the user has left. */
  known: ReadonlyMap<string, Conversation>
  conversations: ReadonlyMap<string, Conversation | undefined>
  changedKeys: ReadonlySet<string>
  mentions: readonly Mention[]
}

/** Writes the conversations that have changed, and mentions that are not read. */
export async function writeConversations(
  query: Database['query'],
  changes: ConversationChanges,
): Promise<void> {
  const { known, conversations, changedKeys } = changes
  const changed = [...changedKeys].flatMap((key) => conversations.get(key) ?? [])
  const left = [...changedKeys].flatMap((key) =>
    conversations.get(key) === undefined ? (known.get(key) ?? []) : [],
  )
  await upsert(query, changed)
  await remove(query, left)
  await writeMentions(query, changes, left)
}

async function upsert(query: Database['query'], conversations: readonly Conversation[]): Promise<void> {
  if (conversations.length === 0) return
  await query(
    `insert into history.conversations (user_id, room, since, read_id, read_ordinal, read_sequence, mention_sequence, muted)
     select user_id, room, coalesce(since, 'infinity'), read_id, read_ordinal, read_sequence, mention_sequence, muted
     from json_to_recordset($1::json) as rows (user_id text, room text, since timestamptz, read_id text,
       read_ordinal bigint, read_sequence bigint, mention_sequence bigint, muted boolean)
     on conflict (user_id, room) do update set read_id = excluded.read_id, read_ordinal = excluded.read_ordinal,
       read_sequence = excluded.read_sequence, mention_sequence = excluded.mention_sequence, muted = excluded.muted,
       touched_at = now(), since = case excluded.since when 'infinity' then conversations.since else excluded.since end`,
    [JSON.stringify(conversations)],
  )
}

async function remove(query: Database['query'], conversations: readonly Conversation[]): Promise<void> {
  if (conversations.length === 0) return
  await query(
    `delete from history.conversations using unnest($1::text[], $2::text[]) as gone (user_id, room)
     where (conversations.user_id, conversations.room) = (gone.user_id, gone.room)`,
    [conversations.map(({ user_id }) => user_id), conversations.map(({ room }) => room)],
  )
}

/** Inserts mentions that their users have not read, and removes those that they have. */
async function writeMentions(
  query: Database['query'],
  { known, conversations, changedKeys, mentions }: ConversationChanges,
  left: readonly Conversation[],
): Promise<void> {
  const seen = [...changedKeys].flatMap((key) => {
    const [before, now] = [known.get(key), conversations.get(key)]
    const had = before !== undefined && before.mention_sequence > before.read_sequence
    return had && now !== undefined && now.read_sequence !== before.read_sequence ? [now] : []
  })
  const gone = [...seen, ...left.map((own) => ({ ...own, read_sequence: Number.MAX_SAFE_INTEGER }))]
  if (gone.length > 0) {
    await query(
      `delete from history.mentions using unnest($1::text[], $2::text[], $3::bigint[]) as seen (user_id, room, until)
       where (mentions.user_id, mentions.room) = (seen.user_id, seen.room) and sequence <= until`,
      [
        gone.map(({ user_id }) => user_id),
        gone.map(({ room }) => room),
        gone.map(({ read_sequence }) => read_sequence),
      ],
    )
  }
  const unread = mentions.filter(({ user_id, room, sequence }) => {
    if (user_id === allMembers) return true
    const own = conversations.get(keyOfStored(user_id, room))
    return own !== undefined && own.read_sequence < sequence
  })
  if (unread.length === 0) return
  await query(
    `insert into history.mentions (user_id, room, sequence, message)
     select * from json_to_recordset($1::json) as rows (user_id text, room text, sequence bigint, message text)`,
    [JSON.stringify(unread)],
  )
}
