import type { Database } from '@rabble/database'
import { storable } from '../text/storable.ts'
import { columns } from './page.ts'
import type { StoredMessage } from './row.ts'

/** Maximum number of sequences in memory. Each read of them looks up all that the index has of the user. */
const sequencesAtOnce = 20_000
/** Maximum number of messages in memory, and of messages that one read goes through. */
const messagesAtOnce = 500

/** A message with its place in the log. */
export type PlacedRow = StoredMessage & { partition: number; sequence: number }

/** Runs one read of the database. */
export type Read = <Result>(work: () => Promise<Result>) => Promise<Result>

/** Up to where the messages of a partition are in the search index, and stored. */
interface Bounds {
  partition: number
  indexed: number
  stored: number
}

/**
 * Yields all messages of a user in rooms and direct conversations, deleted ones too, as they are at the time of the first read: by
 * partition, in the order of the log. `term` is the user's term in the search index.
 *
 * The search index has the senders, so no other index is needed, which each message would have to pay for. It follows behind the
 * messages: the newest ones are read from their table, and those that have just changed are listed in `search_stale`.
 */
export async function* sentBy(
  database: Database,
  user: string,
  term: string,
  read: Read,
): AsyncGenerator<PlacedRow[], void, undefined> {
  const sender = storable(user)
  for (const bounds of await read(() => boundsOf(database))) {
    yield* indexedOf(database, { sender, term }, bounds, read)
    const { partition, indexed, stored } = bounds
    for (let after = indexed; after < stored; after += messagesAtOnce) {
      const rows = await read(() =>
        database.query<PlacedRow>(
          `select partition, sequence, ${columns} from history.messages
           where partition = $1 and sequence > $2 and sequence <= $3 and sender_id = $4 order by sequence`,
          [partition, after, Math.min(after + messagesAtOnce, stored), sender],
        ),
      )
      if (rows.length > 0) yield rows
    }
  }
}

async function* indexedOf(
  database: Database,
  { sender, term }: { sender: string; term: string },
  { partition, indexed }: Bounds,
  read: Read,
): AsyncGenerator<PlacedRow[], void, undefined> {
  for (let after = 0; after < indexed; ) {
    // One statement: a message that changes moves from one table to the other, and must not be missed on its way.
    const found = await read(() =>
      database.query<{ sequence: number }>(
        `select sequence from (
           select sequence from history.search
           where words @@ $1::tsquery and partition = $2 and sequence > $3 and sequence <= $4
           union
           select sequence from history.search_stale join history.messages using (partition, sequence)
           where sender_id = $5 and partition = $2 and sequence > $3 and sequence <= $4
         ) as sent order by sequence limit $6`,
        [term, partition, after, indexed, sender, sequencesAtOnce],
      ),
    )
    for (let first = 0; first < found.length; first += messagesAtOnce) {
      const sequences = found.slice(first, first + messagesAtOnce).map(({ sequence }) => sequence)
      const rows = await read(() =>
        database.query<PlacedRow>(
          `select partition, sequence, ${columns} from history.messages
           where partition = $1 and sequence = any($2::bigint[]) and sender_id = $3 order by sequence`,
          [partition, sequences, sender],
        ),
      )
      if (rows.length > 0) yield rows
    }
    if (found.length < sequencesAtOnce) return
    after = found.at(-1)?.sequence ?? indexed
  }
}

function boundsOf(database: Database): Promise<Bounds[]> {
  return database.query<Bounds>(
    `select partition, coalesce(search_positions.sequence, 0) as indexed, positions.sequence as stored
     from history.positions left join history.search_positions using (partition) order by partition`,
    [],
  )
}
