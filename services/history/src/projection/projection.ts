import type { ChatEvent } from '@rabble/contract'
import { type Database, sqlState } from '@rabble/database'
import { type MessageRow, toRow } from '../messages/row.ts'
import { storable } from '../text/storable.ts'
import { type Folded, fold, noChanges, type PlacedChange } from './apply-changes.ts'
import { isUnstorable } from './unstorable.ts'

/** A message or a change of one, and its line in the log. */
export interface ChatEntry {
  event: ChatEvent
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
  entries: ChatEntry[]
}

type PlacedRow = MessageRow & { sequence: number }

/** Whether a message that is stored already fails the statement (unique_violation), or is skipped, which costs more. */
type Repeats = 'fail' | 'skip'

/** New events of a step. The log held the other ones before. */
export interface StepResult {
  messages: number
  changes: Folded
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
  entries: readonly ChatEntry[],
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

/** Writes the messages, then the changes. `fold` can tell the order of the log by the sequences. */
async function writeAll(
  query: Database['query'],
  partition: number,
  first: number,
  entries: readonly ChatEntry[],
  repeats: Repeats,
): Promise<StepResult> {
  const messages: PlacedRow[] = []
  const changes: PlacedChange[] = []
  for (const [index, { event, line }] of entries.entries()) {
    const sequence = first + index
    if (event.type === 'message') {
      messages.push(Object.assign(toRow(event), { sequence }))
    } else {
      changes.push({ event, line, sequence })
    }
  }
  return {
    messages: messages.length === 0 ? 0 : await insert(query, partition, messages, repeats),
    changes: changes.length === 0 ? noChanges : await fold(query, partition, changes),
    refused: 0,
  }
}

async function writeEach(
  query: Database['query'],
  partition: number,
  first: number,
  entries: readonly ChatEntry[],
): Promise<StepResult> {
  const sum = { messages: 0, changes: { ...noChanges }, refused: 0 }
  for (const [index, entry] of entries.entries()) {
    await query('savepoint event')
    try {
      const { messages, changes } = await writeAll(query, partition, first + index, [entry], 'skip')
      sum.messages += messages
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

/** Writes messages, and lists the direct ones for their users. Returns the number of new ones. */
async function insert(
  query: Database['query'],
  partition: number,
  rows: readonly PlacedRow[],
  repeats: Repeats,
): Promise<number> {
  // One JSON document is faster than an array per column or a row of parameters: both sides have fast code for it.
  const added = await query<{ sequence: number }>(
    `insert into history.messages (partition, sequence, id, room, sender_id, sender_name, text, at, via, cid,
       reply_to, meta, edited, deleted, reactions, extra)
     select $1, sequence, id, room, sender_id, sender_name, text, at, via, cid,
       reply_to, meta, edited, deleted, reactions, extra
     from json_to_recordset($2::json) as rows (sequence bigint, id text, room text, sender_id text,
       sender_name text, text text, at timestamptz, via text, cid text, reply_to text, meta text, edited text,
       deleted text, reactions text, extra text)
     ${repeats === 'skip' ? 'on conflict do nothing returning sequence' : ''}`,
    [partition, JSON.stringify(rows)],
  )
  const places = new Set(added.map(({ sequence }) => sequence))
  const fresh = repeats === 'skip' ? rows.filter(({ sequence }) => places.has(sequence)) : rows
  await listDirect(
    query,
    fresh.filter(({ room }) => room.startsWith('dm:')),
  )
  return fresh.length
}

/** Notes the newest message of each room of direct messages for its users. */
async function listDirect(query: Database['query'], rows: readonly PlacedRow[]): Promise<void> {
  if (rows.length === 0) return
  await query(
    `insert into history.direct_rooms (user_id, room, last_id, sequence, at)
     select distinct on (user_id, room) user_id, room, id, sequence, coalesce(at, '-infinity')
     from json_to_recordset($1::json) as rows (sequence bigint, id text, room text, at timestamptz),
       unnest(array[split_part(room, ':', 2), split_part(room, ':', 3)]) as users (user_id)
     order by user_id, room, sequence desc
     on conflict (user_id, room) do update
     set last_id = excluded.last_id, sequence = excluded.sequence, at = excluded.at`,
    [JSON.stringify(rows.map(({ sequence, id, room, at }) => ({ sequence, id, room, at })))],
  )
}
