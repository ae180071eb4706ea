import { type ChangeEvent, changed, type MessageEvent, type ReactionEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { extraOfDeleted, jsonOf, reactionsOf } from '../messages/row.ts'
import { restored, storable } from '../text/storable.ts'

/** A change, its line in the log, and its sequence. */
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
  reaction: number
}

export const noChanges: Folded = { added: 0, edit: 0, delete: 0, reaction: 0 }

/** Columns of a message that decide whether a change counts, and what it leaves. */
interface Target {
  sequence: number
  id: string
  room: string
  sender_id: string
  sender_name: string
  edited: string | null
  deleted: string | null
  reactions: string | null
  extra: string | null
}

/** A changed message, and the newest changes that changed it. */
interface Fold {
  sequence: number
  extra: string | null
  /** Without its former text, which may be long. */
  message: MessageEvent
  /** Newest edit or deletion. */
  newest: PlacedChange | undefined
  /** Newest reaction of each user with each emoji, in order. */
  reactions: Map<string, PlacedReaction>
}

type PlacedReaction = PlacedChange & { event: ReactionEvent }

/**
 * Applies changes, in the order of the log, to the stored messages. Those of the same step are stored already. Runs at most
 * five statements, however many changes there are.
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
    if (isReaction(change)) {
      const { from, emoji } = change.event
      const key = `${from.id} ${emoji}`
      target.reactions.delete(key)
      target.reactions.set(key, change)
    } else target.newest = change
    folded[change.event.type]++
  }
  await write(query, partition, fresh, [...folds.values()])
  return folded
}

function isReaction(change: PlacedChange): change is PlacedReaction {
  return change.event.type === 'reaction'
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
    `select sequence, id, room, sender_id, sender_name, edited, deleted, reactions, extra from history.messages
     where id = any($1)`,
    [[...new Set(changes.map(({ event }) => storable(event.message)))]],
  )
  return new Map(rows.map((row) => [restored(row.id), foldOf(row)]))
}

function foldOf({ sequence, extra, reactions, ...row }: Target): Fold {
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
    ...(reactions !== null && JSON.parse(reactions)),
  }
  return { sequence, extra, message, newest: undefined, reactions: new Map() }
}

/** Writes the changes, with lines for the newest edit or deletion and the newest reaction of each message, and the messages. */
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
  const reacted = folds.filter(({ reactions, message }) => reactions.size > 0 && !message.deleted)
  if (reacted.length > 0) await writeReactions(query, reacted)
  const lines = new Map<PlacedChange | undefined, string>([
    ...results.map(({ newest }) => [newest, newest?.line.toString() ?? ''] as const),
    ...reacted.map((fold) => newestReaction(fold)),
  ])
  const rows = changes.map((change) => {
    const line = lines.get(change)
    return {
      sequence: change.sequence,
      id: storable(change.event.id),
      room: storable(change.event.room),
      message: storable(change.event.message),
      line: line === undefined ? null : storable(line),
      reaction: isReaction(change),
    }
  })
  const messages = results.map(({ message: { id, from, text, edited, deleted }, extra }) => ({
    message: storable(id),
    sender_name: storable(from.name),
    text: storable(text),
    edited: jsonOf(edited),
    deleted: jsonOf(deleted),
    extra: deleted === undefined ? extra : extraOfDeleted(extra),
  }))
  await query(
    `with folded as materialized (
       select * from json_to_recordset($2::json)
         as (message text, sender_name text, text text, edited text, deleted text, extra text)
     ), messages as (
       update history.messages set sender_name = folded.sender_name, text = folded.text, edited = folded.edited, deleted = folded.deleted,
         extra = folded.extra, meta = case when folded.deleted is null then messages.meta end,
         reactions = case when folded.deleted is null then messages.reactions end
       from folded where messages.id = folded.message
     ), older as (
       update history.changes set line = null from folded
       where changes.message = folded.message and line is not null
         and (not changes.reaction or folded.deleted is not null)
     ), reactions as (
       delete from history.reactions using folded
       where reactions.message = folded.message and folded.deleted is not null
     )
     insert into history.changes (partition, sequence, id, room, message, line, reaction)
     select $1, sequence, id, room, message, line, reaction from json_to_recordset($3::json)
       as (sequence bigint, id text, room text, message text, line text, reaction boolean)
     on conflict do nothing`,
    [partition, JSON.stringify(messages), JSON.stringify(rows)],
  )
  const deleted = results.flatMap(({ message }) =>
    message.deleted === undefined ? [] : storable(message.id),
  )
  if (deleted.length > 0) await query('delete from history.mentions where message = any($1)', [deleted])
}

/** Writes the reactions of messages, and takes the lines of earlier ones. Deleted messages have none. */
async function writeReactions(query: Database['query'], folds: readonly Fold[]): Promise<void> {
  const messages = folds.map(({ message }) => ({
    message: storable(message.id),
    reactions: reactionsOf(message),
  }))
  const revisions = folds.flatMap(({ reactions }) =>
    [...reactions.values()].map(({ event: { message, emoji, from, revision } }) => ({
      message: storable(message),
      emoji: storable(emoji),
      user_id: storable(from.id),
      revision,
    })),
  )
  await query(
    `with folded as materialized (
       select * from json_to_recordset($1::json) as (message text, reactions text)
     ), messages as (
       update history.messages set reactions = folded.reactions from folded where messages.id = folded.message
     ), older as (
       update history.changes set line = null from folded
       where changes.message = folded.message and changes.reaction and line is not null
     )
     insert into history.reactions (message, emoji, user_id, revision)
     select message, emoji, user_id, revision from json_to_recordset($2::json)
       as (message text, emoji text, user_id text, revision integer)
     on conflict (message, emoji, user_id) do update set revision = excluded.revision`,
    [JSON.stringify(messages), JSON.stringify(revisions)],
  )
}

/** Returns the newest reaction to a message, and its line with all reactions, so that a client needs none of the others. */
function newestReaction({ reactions, message }: Fold): [PlacedChange | undefined, string] {
  const newest = [...reactions.values()].at(-1)
  return [newest, JSON.stringify({ ...newest?.event, reactions: message.reactions ?? [] })]
}
