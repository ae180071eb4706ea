import type { PrivacyEvent, SeenEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { isPlainTime } from '../messages/row.ts'
import { storable } from '../text/storable.ts'

/** Writes what users show to others, from events in the order of the log. Only users who hide something have a row. */
export async function writePrivacy(query: Database['query'], events: readonly PrivacyEvent[]): Promise<void> {
  const choices = new Map<string, { receipts: boolean | null; presence: boolean | null }>()
  for (const { user, receipts, presence } of events) {
    const before = choices.get(storable(user)) ?? { receipts: null, presence: null }
    choices.set(storable(user), {
      receipts: receipts ?? before.receipts,
      presence: presence ?? before.presence,
    })
  }
  const users = [...choices.keys()]
  const rows = JSON.stringify([...choices].map(([user_id, choice]) => ({ user_id, ...choice })))
  await query(
    `insert into history.privacy (user_id, receipts, presence) select user_id, true, true
     from unnest($1::text[]) as users (user_id) on conflict do nothing`,
    [users],
  )
  await query(
    `update history.privacy set receipts = coalesce(rows.receipts, privacy.receipts),
       presence = coalesce(rows.presence, privacy.presence), touched_at = now()
     from json_to_recordset($1::json) as rows (user_id text, receipts boolean, presence boolean)
     where privacy.user_id = rows.user_id`,
    [rows],
  )
  await query('delete from history.privacy where user_id = any($1) and receipts and presence', [users])
  await query(
    `delete from history.seen using history.privacy
     where seen.user_id = any($1) and privacy.user_id = seen.user_id and not presence`,
    [users],
  )
}

/** Writes when users were last here, of those whom somebody may see: they have direct conversations, and do not hide it. */
export async function writeSeen(query: Database['query'], events: readonly SeenEvent[]): Promise<void> {
  const seen = new Map<string, string>()
  for (const { user, at } of events) {
    const before = seen.get(storable(user))
    const isLater = before === undefined || Date.parse(at) > Date.parse(before)
    if (isPlainTime(at) && isLater) seen.set(storable(user), at)
  }
  const rows = [...seen].map(([user_id, seen_at]) => ({ user_id, seen_at }))
  if (rows.length === 0) return
  await query(
    `insert into history.seen (user_id, seen_at)
     select user_id, seen_at from json_to_recordset($1::json) as rows (user_id text, seen_at timestamptz)
     where not exists (select from history.privacy where privacy.user_id = rows.user_id and not presence)
       and exists (select from history.conversations
         where conversations.user_id = rows.user_id and room >= 'dm:' and room < 'dm;')
     on conflict (user_id) do update set seen_at = greatest(seen.seen_at, excluded.seen_at)`,
    [JSON.stringify(rows)],
  )
}
