import { type ChangeEvent, changed, type MessageEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { extraOfDeleted, jsonOf } from '../messages/row.ts'
import { restored, storable } from '../text/storable.ts'

/** An edit or a deletion, its line in the log, and its sequence. */
export interface PlacedChange {
  event: ChangeEvent
  line: Buffer
  sequence: number
}

export interface Folded {
  /** Number of changes that were not stored yet. */
  added: number
  /** Number of those that changed a message. */
  edit: number
  delete: number
}

export const noChanges: Folded = { added: 0, edit: 0, delete: 0 }

/** Columns of a message that decide whether a change counts, and what it leaves. */
interface Target {
  sequence: number
  id: string
  room: string
  sender_id: string
  sender_name: string
  edited: string | null
  deleted: string | null
  extra: string | null
}

/** A changed message, and the newest change that changed it. */
interface Fold {
  sequence: number
  extra: string | null
  /** Without its former text, which may be long. */
  message: MessageEvent
  newest: PlacedChange | undefined
}

/**
 * Applies changes, in the order of the log, to the stored messages. Those of the same step are stored already. Runs at most
 * four statements, however many changes there are.
 */
export async function fold(
  query: Database['query'],
  partition: number,
  changes: readonly PlacedChange[],
): Promise<Folded> {
  const fresh = await unknownOf(query, changes)
  const folded = { ...noChanges, added: fresh.length }
  if (fresh.length === 0) return folded
  const folds = await targetsOf(query, fresh)
  for (const change of fresh) {
    const target = folds.get(change.event.message)
    // In separate steps, a message that follows its change in the log would not be there yet.
    if (target === undefined || target.sequence > change.sequence) continue
    const message = changed(target.message, change.event)
    if (message === target.message) continue
    target.message = message
    target.newest = change
    folded[change.event.type]++
  }
  await write(query, partition, fresh, [...folds.values()])
  return folded
}

/** Returns the first change of each id, unless it is stored already. */
async function unknownOf(
  query: Database['query'],
  changes: readonly PlacedChange[],
): Promise<PlacedChange[]> {
  const rows = await query<{ id: string }>('select id from history.changes where id = any($1)', [
    changes.map(({ event }) => storable(event.id)),
  ])
  const known = new Set(rows.map(({ id }) => restored(id)))
  return changes.filter(({ event }) => {
    const isNew = !known.has(event.id)
    known.add(event.id)
    return isNew
  })
}

async function targetsOf(
  query: Database['query'],
  changes: readonly PlacedChange[],
): Promise<Map<string, Fold>> {
  const rows = await query<Target>(
    `select sequence, id, room, sender_id, sender_name, edited, deleted, extra from history.messages
     where id = any($1)`,
    [[...new Set(changes.map(({ event }) => storable(event.message)))]],
  )
  return new Map(rows.map((row) => [restored(row.id), foldOf(row)]))
}

function foldOf({ sequence, extra, ...row }: Target): Fold {
  const message: MessageEvent = {
    type: 'message',
    room: restored(row.room),
    id: restored(row.id),
    from: { id: restored(row.sender_id), name: restored(row.sender_name) },
    text: '',
    at: '',
    via: '',
    ...(row.edited !== null && { edited: JSON.parse(row.edited) }),
    ...(row.deleted !== null && { deleted: JSON.parse(row.deleted) }),
  }
  return { sequence, extra, message, newest: undefined }
}

/** Writes the changes, with a line for the newest of each message, and the changed messages. */
async function write(
  query: Database['query'],
  partition: number,
  changes: readonly PlacedChange[],
  folds: readonly Fold[],
): Promise<void> {
  const results = folds.filter(({ newest }) => newest !== undefined)
  if (results.length > 0) {
    // Indexing takes the next locks in another order. So this transaction waits for it here, and it waits for this one.
    await query('select from history.search_positions where partition = $1 for update', [partition])
  }
  const newest = new Set(results.map((fold) => fold.newest))
  const rows = changes.map((change) => ({
    sequence: change.sequence,
    id: storable(change.event.id),
    room: storable(change.event.room),
    message: storable(change.event.message),
    line: newest.has(change) ? storable(change.line.toString()) : null,
  }))
  const messages = results.map(({ message: { id, text, edited, deleted }, extra }) => ({
    message: storable(id),
    text: storable(text),
    edited: jsonOf(edited),
    deleted: jsonOf(deleted),
    extra: deleted === undefined ? extra : extraOfDeleted(extra),
  }))
  await query(
    `with folded as materialized (
       select * from json_to_recordset($2::json)
         as (message text, text text, edited text, deleted text, extra text)
     ), messages as (
       update history.messages set text = folded.text, edited = folded.edited, deleted = folded.deleted,
         extra = folded.extra, meta = case when folded.deleted is null then messages.meta end
       from folded where messages.id = folded.message
     ), older as (
       update history.changes set line = null from folded
       where changes.message = folded.message and line is not null
     )
     insert into history.changes (partition, sequence, id, room, message, line)
     select $1, sequence, id, room, message, line from json_to_recordset($3::json)
       as (sequence bigint, id text, room text, message text, line text)
     on conflict do nothing`,
    [partition, JSON.stringify(messages), JSON.stringify(rows)],
  )
  const deleted = results.flatMap(({ message }) =>
    message.deleted === undefined ? [] : storable(message.id),
  )
  if (deleted.length > 0) await query('delete from history.mentions where message = any($1)', [deleted])
}
