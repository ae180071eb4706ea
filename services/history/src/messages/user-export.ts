import type { UserExportLine, UserRecord } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'
import { toLine } from './row.ts'
import { type Read, sentBy } from './sent.ts'

/** Maximum number of conversations, of reactions and of reports in memory. */
const rowsAtOnce = 500

export interface UserExport {
  /** Id of the user. */
  user: string
  /** Term of the user's messages in the search index. */
  term: string
  /** Time of the export (ms since 1970). */
  now: number
  /** Returns what the rooms service knows of the user. Undefined: there is no such service. */
  record: (() => Promise<UserRecord>) | undefined
}

/**
 * Yields everything that is stored of a user as chunks of NDJSON: first the user, then conversations with their read positions,
 * messages as in a page, reactions, and reports that the user made. The last line has their numbers: an export without it is not whole. Each chunk is read when it
 * is requested.
 */
export async function* userExportOf(
  database: Database,
  { user, term, now, record }: UserExport,
  read: Read,
): AsyncGenerator<string, void, undefined> {
  const counts = { conversations: 0, messages: 0, reactions: 0, reports: 0 }
  const known = await record?.()
  const [hidden] = await read(() =>
    database.query<{ receipts: boolean; presence: boolean; seen_at: Date | null }>(
      `select coalesce(receipts, true) as receipts, coalesce(presence, true) as presence, seen_at
       from (select $1::text as user_id) as asked left join history.privacy using (user_id)
       left join history.seen using (user_id)`,
      [storable(user)],
    ),
  )
  const { receipts = true, presence = true, seen_at = null } = hidden ?? {}
  const lastSeen = seen_at === null ? {} : { lastSeen: seen_at.toISOString() }
  yield linesOf([
    {
      type: 'user',
      id: user,
      exportedAt: new Date(now).toISOString(),
      ...known,
      receipts,
      presence,
      ...lastSeen,
    },
  ])
  for await (const lines of conversationsOf(database, user, read)) {
    counts.conversations += lines.length
    yield linesOf(lines)
  }
  for await (const rows of sentBy(database, user, term, read)) {
    counts.messages += rows.length
    yield `${rows.map(toLine).join('\n')}\n`
  }
  for await (const lines of reactionsOf(database, user, read)) {
    counts.reactions += lines.length
    yield linesOf(lines)
  }
  for await (const lines of reportsOf(database, user, read)) {
    counts.reports += lines.length
    yield linesOf(lines)
  }
  yield linesOf([{ type: 'end', ...counts }])
}

function linesOf(lines: readonly UserExportLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

async function* conversationsOf(
  database: Database,
  user: string,
  read: Read,
): AsyncGenerator<UserExportLine[], void, undefined> {
  for (let after = ''; ; ) {
    const rows = await read(() =>
      database.query<{ room: string; since: Date | null; read_id: string | null; muted: boolean }>(
        `select room, case when isfinite(since) then since end as since, read_id, muted from history.conversations
         where user_id = $1 and room > $2 order by room limit $3`,
        [storable(user), after, rowsAtOnce],
      ),
    )
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows.map(({ room, since, read_id, muted }) => ({
      type: 'conversation',
      room: restored(room),
      ...(since !== null && { since: since.toISOString() }),
      ...(read_id !== null && { readUpTo: restored(read_id) }),
      muted,
    }))
    after = last.room
  }
}

async function* reactionsOf(
  database: Database,
  user: string,
  read: Read,
): AsyncGenerator<UserExportLine[], void, undefined> {
  for (let after = { message: '', emoji: '' }; ; ) {
    const rows = await read(() =>
      database.query<{ message: string; emoji: string; room: string }>(
        `select message, emoji, room from history.reactions join history.messages on id = message
         where user_id = $1 and revision % 2 = 1 and (message, emoji) > ($2, $3) order by message, emoji limit $4`,
        [storable(user), after.message, after.emoji, rowsAtOnce],
      ),
    )
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows.map(({ message, emoji, room }) => ({
      type: 'reaction',
      room: restored(room),
      message: restored(message),
      emoji: restored(emoji),
    }))
    after = last
  }
}

async function* reportsOf(
  database: Database,
  user: string,
  read: Read,
): AsyncGenerator<UserExportLine[], void, undefined> {
  for (let after = 0; ; ) {
    const rows = await read(() =>
      database.query<{ id: number; room: string; message: string; reason: string; reported_at: Date }>(
        `select id, room, message, reason, reported_at from history.reports
         where reporter_id = $1 and id > $2 order by id limit $3`,
        [storable(user), after, rowsAtOnce],
      ),
    )
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows.map(({ room, message, reason, reported_at }) => ({
      type: 'report',
      room: restored(room),
      message: restored(message),
      reason,
      at: reported_at.toISOString(),
    }))
    after = last.id
  }
}
