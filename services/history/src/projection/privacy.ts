import type { PrivacyEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { storable } from '../text/storable.ts'

/** Writes what users show to others, from events in the order of the log. Only users who hide something have a row. */
export async function writePrivacy(query: Database['query'], events: readonly PrivacyEvent[]): Promise<void> {
  const choices = new Map(events.map(({ user, receipts }) => [storable(user), receipts]))
  const users = [...choices.keys()]
  await query('delete from history.privacy where user_id = any($1)', [users])
  const hiding = users.filter((user) => choices.get(user) === false)
  if (hiding.length === 0) return
  await query(
    'insert into history.privacy (user_id, receipts) select user_id, false from unnest($1::text[]) as users (user_id)',
    [hiding],
  )
}
