import type { ChatEvent, MessageEvent, PersonalEvent, PrivacyEvent, SeenEvent } from '@rabble/contract'
import { isPersonalEvent } from '@rabble/contract/parse'
import { type Database, sqlState } from '@rabble/database'
import { type MessageRow, toRow } from '../messages/row.ts'
import { storable } from '../text/storable.ts'
import { type Folded, fold, noChanges, type PlacedChange } from './apply-changes.ts'
import { type ConversationEvent, foldConversations, type Numbered, type Placed } from './conversations.ts'
import { writePrivacy, writeSeen } from './privacy.ts'
import { loadRooms, numberMessages, writeRooms } from './rooms.ts'
import { isUnstorable } from './unstorable.ts'

/** A message, a change of one, or an event of a user, and its line in the log. */
export interface StoredEntry {
  event: ChatEvent | PersonalEvent
  line: Buffer
}

/** A position in the log, after a batch. */
export interface Position {
  /** Offset of the batch. Null: before the first one. */
  offset: number | null
  /** Id of the last event of the batch, as it is stored. Null if there is none, or if it is not known. */
  lastId: string | null
}

/** Events that the log no longer had when they should have been read. */
export interface Gap {
  /** Offset that should have come next, and the one that did. */
  expected: number
  found: number
}

/** A part of one partition's log, projected in one transaction. */
export interface Step {
  partition: number
  /** Positions of the projection before and after: offsets of batches. Null: before the first one. */
  from: number | null
  to: number
  /** Ids of both positions. Default: null. */
  fromId?: string | null
  toId?: string | null
  /** Gap before the step. */
  gap?: Gap
  entries: StoredEntry[]
}

/** A message, its row, and its sequence. */
interface PlacedMessage extends Placed<MessageEvent> {
  row: MessageRow
}

/** Whether a message that is stored already fails the statement (unique_violation), or is skipped, which costs more. */
type Repeats = 'fail' | 'skip'

/** New events of a step. The log held the other ones before. */
export interface StepResult {
  messages: number
  changes: Folded
  /** Events of users in conversations, also those that changed nothing. */
  personal: number
  refused: number
}

/** Returns the position of the projection of a partition. */
export async function readPosition(database: Database, partition: number): Promise<Position> {
  await database.query('insert into history.positions (partition) values ($1) on conflict do nothing', [
    partition,
  ])
  const [row] = await database.query<{ log_offset: number | null; last_id: string | null }>(
    'select log_offset, last_id from history.positions where partition = $1',
    [partition],
  )
  return { offset: row?.log_offset ?? null, lastId: row?.last_id ?? null }
}

/** Returns the number of gaps that are stored for a partition. */
export async function countGaps(database: Database, partition: number): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    'select count(*) from history.gaps where partition = $1',
    [partition],
  )
  return row?.count ?? 0
}

/**
 * Writes rows and position in one transaction. Resolves to undefined, with nothing written, if the projection is not at `from`:
 * another replica has moved it, or this one did in a commit whose answer was lost. So a leader that was frozen and still
 * believes that it leads does no harm. `careful` writes row by row and sets aside what PostgreSQL refuses. Default: a refused
 * row fails the whole step.
 */
export async function project(
  database: Database,
  step: Step,
  { careful = false }: { careful?: boolean } = {},
): Promise<StepResult | undefined> {
  if (careful) return attempt(database, step, writeEach)
  try {
    return await attempt(database, step, (...args) => writeAll(...args, 'fail'))
  } catch (error) {
    if (sqlState(error) !== '23505') throw error
    // The log holds a message again, which is rare: a gateway that lost a confirm has sent it twice.
    return attempt(database, step, (...args) => writeAll(...args, 'skip'))
  }
}

type Write = (
  query: Database['query'],
  partition: number,
  first: number,
  entries: readonly StoredEntry[],
) => Promise<StepResult>

function attempt(database: Database, step: Step, write: Write): Promise<StepResult | undefined> {
  return database.transaction(async (query) => {
    const [position] = await query<{ sequence: number }>(
      `update history.positions
       set log_offset = $3, last_id = $6, sequence = sequence + $4, updated_at = now()
       where partition = $1 and log_offset is not distinct from $2::bigint and last_id is not distinct from $5
       returning sequence`,
      [step.partition, step.from, step.to, step.entries.length, step.fromId ?? null, step.toId ?? null],
    )
    if (position === undefined) return undefined
    const before = position.sequence - step.entries.length
    if (step.gap !== undefined) await insertGap(query, step.partition, before, step.gap)
    return write(query, step.partition, before + 1, step.entries)
  })
}

/** Records a gap. A second gap at one place, with no message in between, widens the first. */
async function insertGap(
  query: Database['query'],
  partition: number,
  sequence: number,
  { expected, found }: Gap,
): Promise<void> {
  await query(
    `insert into history.gaps (partition, sequence, expected, found) values ($1, $2, $3, $4)
     on conflict (partition, sequence) do update set found = excluded.found`,
    [partition, sequence, expected, found],
  )
}

/** Writes messages, conversations and changes, each with all events of their kind. They can tell the order of the log by the sequences. */
async function writeAll(
  query: Database['query'],
  partition: number,
  first: number,
  entries: readonly StoredEntry[],
  repeats: Repeats,
): Promise<StepResult> {
  const messages: PlacedMessage[] = []
  const changes: PlacedChange[] = []
  const personal: Placed<ConversationEvent>[] = []
  const choices: PrivacyEvent[] = []
  const seen: SeenEvent[] = []
  for (const [index, { event, line }] of entries.entries()) {
    const sequence = first + index
    if (event.type === 'message') messages.push({ event, sequence, row: toRow(event) })
    else if (event.type === 'privacy') choices.push(event)
    else if (event.type === 'seen') seen.push(event)
    else if (isPersonalEvent(event)) personal.push({ event, sequence })
    else changes.push({ event, line, sequence })
  }
  const fresh = repeats === 'fail' ? messages : await unknownOf(query, messages)
  if (fresh.length > 0 || personal.length > 0) await converse(query, partition, fresh, personal)
  if (choices.length > 0) await writePrivacy(query, choices)
  if (seen.length > 0) await writeSeen(query, seen)
  return {
    messages: fresh.length,
    changes: changes.length === 0 ? noChanges : await fold(query, partition, changes),
    personal: personal.length + choices.length + seen.length,
    refused: 0,
  }
}

async function writeEach(
  query: Database['query'],
  partition: number,
  first: number,
  entries: readonly StoredEntry[],
): Promise<StepResult> {
  const sum = { messages: 0, changes: { ...noChanges }, personal: 0, refused: 0 }
  for (const [index, entry] of entries.entries()) {
    await query('savepoint event')
    try {
      const { messages, changes, personal } = await writeAll(query, partition, first + index, [entry], 'skip')
      sum.messages += messages
      sum.personal += personal
      sum.changes.added += changes.added
      sum.changes.edit += changes.edit
      sum.changes.delete += changes.delete
      sum.changes.reaction += changes.reaction
    } catch (error) {
      if (!isUnstorable(error)) throw error
      await query('rollback to savepoint event')
      await query('insert into history.refused (partition, sequence, line, reason) values ($1, $2, $3, $4)', [
        partition,
        first + index,
        entry.line,
        storable(String(error)).slice(0, 500),
      ])
      sum.refused++
    }
    await query('release savepoint event')
  }
  return sum
}

/** Returns the first message of each id, unless it is stored already. */
async function unknownOf(
  query: Database['query'],
  messages: readonly PlacedMessage[],
): Promise<PlacedMessage[]> {
  const rows = await query<{ id: string }>('select id from history.messages where id = any($1)', [
    messages.map(({ row }) => row.id),
  ])
  const known = new Set(rows.map(({ id }) => id))
  return messages.filter(({ row: { id } }) => {
    const isNew = !known.has(id)
    known.add(id)
    return isNew
  })
}

/** Writes new messages, each with the next ordinal of its room, and what they and the events of users make of conversations. */
async function converse(
  query: Database['query'],
  partition: number,
  messages: readonly PlacedMessage[],
  personal: readonly Placed<ConversationEvent>[],
): Promise<void> {
  const names = [...messages, ...personal].map(({ event }) => storable(event.room))
  const rooms = await loadRooms(query, new Set(names))
  const before = new Map([...rooms].map(([name, row]) => [name, { ...row }]))
  const rows = messages.map(({ row, sequence }) => ({ ...row, sequence }))
  const ordinals = numberMessages(rooms, rows)
  const numbered = messages.map((message, index): Numbered => ({ ...message, ordinal: ordinals[index] ?? 0 }))
  if (rows.length > 0) await insert(query, partition, rows, ordinals)
  await writeRooms(query, partition, rooms)
  const inOrder = [...numbered, ...personal].sort((a, b) => a.sequence - b.sequence)
  await foldConversations(query, inOrder, before)
}

async function insert(
  query: Database['query'],
  partition: number,
  rows: readonly (MessageRow & { sequence: number })[],
  ordinals: readonly number[],
): Promise<void> {
  const numbered = rows.map((row, index) => ({ ...row, ordinal: ordinals[index] }))
  // One JSON document is faster than an array per column or a row of parameters: both sides have fast code for it.
  await query(
    `insert into history.messages (partition, sequence, id, room, sender_id, sender_name, text, at, via, cid,
       reply_to, meta, edited, deleted, reactions, extra, ordinal)
     select $1, sequence, id, room, sender_id, sender_name, text, at, via, cid,
       reply_to, meta, edited, deleted, reactions, extra, ordinal
     from json_to_recordset($2::json) as rows (sequence bigint, id text, room text, sender_id text,
       sender_name text, text text, at timestamptz, via text, cid text, reply_to text, meta text, edited text,
       deleted text, reactions text, extra text, ordinal bigint)`,
    [partition, JSON.stringify(numbered)],
  )
}
