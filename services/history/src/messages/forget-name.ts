import { type Change, type ChangeEvent, erasedUserName } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'
import type { StoredMessage } from './row.ts'

/**
 * Takes the name of a user out of messages of the user that were deleted before, and out of the events that deleted them. Newer
 * deletions bring their own name.
 */
export async function forgetAuthor(
  { query }: Pick<Database, 'query'>,
  user: string,
  messages: readonly StoredMessage[],
): Promise<void> {
  const rows = messages
    .filter(({ deleted, sender_name }) => deleted !== null && restored(sender_name) !== erasedUserName)
    .map(({ id, deleted }) => ({ id, deleted: nameless(user, deleted) }))
  if (rows.length === 0) return
  await query(
    `update history.messages set sender_name = $1, deleted = rows.deleted
     from json_to_recordset($2::json) as rows (id text, deleted text) where messages.id = rows.id`,
    [storable(erasedUserName), JSON.stringify(rows)],
  )
  const ids = rows.map(({ id }) => id)
  await forgetInLines({ query }, user, ids)
}

/** Takes the name of a user out of the stored changes of messages (ids as they are stored), such as reactions. */
export async function forgetInLines(
  { query }: Pick<Database, 'query'>,
  user: string,
  messages: readonly string[],
): Promise<void> {
  const rows = await query<{ id: string; line: string }>(
    'select id, line from history.changes where message = any($1) and line is not null',
    [messages],
  )
  const lines = rows.flatMap(({ id, line }) => {
    const event = JSON.parse(restored(line)) as ChangeEvent
    if (event.from.id !== user || event.from.name === erasedUserName) return []
    return { id, line: storable(JSON.stringify({ ...event, from: { ...event.from, name: erasedUserName } })) }
  })
  if (lines.length === 0) return
  await query(
    `update history.changes set line = rows.line
     from json_to_recordset($1::json) as rows (id text, line text) where changes.id = rows.id`,
    [JSON.stringify(lines)],
  )
}

function nameless(user: string, json: string | null | undefined): string | null {
  if (typeof json !== 'string') return null
  const change = JSON.parse(json) as Change
  if (change.by.id !== user) return json
  return JSON.stringify({ ...change, by: { ...change.by, name: erasedUserName } })
}
