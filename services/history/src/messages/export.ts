import type { Database } from '@rabble/database'
import { storable } from '../text/storable.ts'
import { columns } from './page.ts'
import { type StoredMessage, toLine } from './row.ts'

/** Maximum number of messages in memory. */
const pageSize = 500

/**
 * Yields all messages of a room that exist at the time of the request, in the order of the log, as chunks of NDJSON. Each page
 * is read when it is requested. `read` runs the reading of a page.
 */
export async function* exportOf(
  database: Database,
  room: string,
  read: <Result>(work: () => Promise<Result>) => Promise<Result>,
): AsyncGenerator<string, void, undefined> {
  const stored = storable(room)
  const last = await read(() => lastOf(database, stored))
  for (let from = 0; from < last; ) {
    const rows = await read(() =>
      database.query<StoredMessage & { sequence: number }>(
        `select sequence, ${columns} from history.messages
         where room = $1 and sequence > $2 and sequence <= $3 order by sequence limit $4`,
        [stored, from, last, pageSize],
      ),
    )
    if (rows.length > 0) yield `${rows.map(toLine).join('\n')}\n`
    if (rows.length < pageSize) return
    from = rows.at(-1)?.sequence ?? last
  }
}

async function lastOf(database: Database, room: string): Promise<number> {
  const [row] = await database.query<{ sequence: number }>(
    'select sequence from history.messages where room = $1 order by sequence desc limit 1',
    [room],
  )
  return row?.sequence ?? 0
}
