import { RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { columns } from '../messages/page.ts'
import { type StoredMessage, toLine } from '../messages/row.ts'
import { restored, storable } from '../text/storable.ts'
import { forAll, forUser, fromSender, inRoom } from './search-document.ts'
import { parseQuery, tsqueryOf } from './search-query.ts'
import { type SnippetPart, snippetOf } from './snippet.ts'

export interface SearchOptions {
  /** Search text, for `parseQuery`. */
  q: string
  /** One room, which the caller may read, or all that `user` may read: rooms, `*`, and messages for that user. */
  scope: { room: string } | { user: string | undefined }
  /**
   * All rooms that the caller may not read. They are left out before anything is counted or ranked: if an answer depended on
   * their contents, its length, `hasMore`, an error or a cursor would reveal them word by word.
   */
  hidden?: readonly string[]
  /** Only messages of the user with this id. */
  from?: string
  /** Beginning (inclusive) and end (exclusive) of the period. */
  since?: Date
  until?: Date
  sort: 'rank' | 'newest'
  limit: number
  /** Id of the last result that the caller has. */
  before?: string
}

export interface SearchPage {
  results: {
    /** JSON, as in a page of a room. */
    line: string
    snippet: SnippetPart[]
  }[]
  hasMore: boolean
}

/**
 * Number of newest matches from which the results are taken. With fewer, PostgreSQL expects to find them soonest by reading all
 * messages from the newest on; for a rare word it then reads every message. With more, the best results for a very frequent
 * word take long to find.
 */
const considered = 1_000
/** Time (ms) after which the server cancels the statement. The search is then `unavailable`. */
const statementTimeout = 3_000

/**
 * Returns the results.
 * @throws RabbleError `bad-frame` if `q` has no words, or `before` is not a result of this search
 */
export async function search(database: Database, options: SearchOptions): Promise<SearchPage> {
  const { limit, sort, hidden = [] } = options
  const query = parseQuery(options.q)
  const words = query.wanted.map(tsqueryOf).join(' & ')
  const without = query.unwanted.map((phrase) => ` & !${tsqueryOf(phrase)}`).join('')
  const sender = options.from === undefined ? '' : ` & ${fromSender(storable(options.from))}`
  const scope = scopeOf(options.scope)
  const values: unknown[] = [`${words}${without}${sender} & ${scope}`, words]
  const parameter = (value: unknown, type: string) => `$${values.push(value)}::${type}`

  const rows = await database.transaction(
    async (run) => {
      const cursor =
        options.before === undefined
          ? undefined
          : await find(run, options.before, { scope, words, hidden: hidden.map(storable) })
      const bounds = [
        hidden.length > 0 && `room <> all(${parameter(hidden.map(storable), 'text[]')})`,
        options.since && `at >= ${parameter(options.since.toISOString(), 'timestamptz')}`,
        options.until && `at < ${parameter(options.until.toISOString(), 'timestamptz')}`,
      ].filter((bound) => typeof bound === 'string')
      const place =
        cursor &&
        `${parameter(cursor.at, 'timestamptz')}, ${parameter(cursor.partition, 'smallint')}, ${parameter(cursor.sequence, 'bigint')}`
      if (sort === 'newest' && place) bounds.push(`(at, partition, sequence) < (${place})`)
      const worse =
        sort === 'rank' && cursor
          ? `where (rank, time, partition, sequence) < (${parameter(cursor.rank, 'real')}, ${place})`
          : ''
      const order = `${sort === 'rank' ? 'rank desc, ' : ''}time desc, partition desc, sequence desc`
      return run<StoredMessage>(
        `with newest as materialized (
           select at as time, partition, sequence, words from history.search
           where words @@ $1::tsquery ${bounds.map((bound) => `and ${bound}`).join(' ')}
           order by at desc, partition desc, sequence desc limit ${considered}
         ), ranked as (
           select time, partition, sequence, ts_rank(words, $2::tsquery, 1) as rank from newest
         ), results as materialized (
           select * from ranked ${worse} order by ${order} limit ${limit + 1}
         )
         select ${columns} from results join history.messages using (partition, sequence) order by ${order}`,
        values,
      )
    },
    { statementTimeout },
  )
  return {
    results: rows.slice(0, limit).map((row) => ({
      line: toLine(row),
      snippet: snippetOf(restored(row.text), query),
    })),
    hasMore: rows.length > limit,
  }
}

function scopeOf(scope: SearchOptions['scope']): string {
  if ('room' in scope) return inRoom(storable(scope.room))
  return scope.user === undefined ? forAll : `(${forAll} | ${forUser(scope.user)})`
}

interface Cursor {
  at: string
  partition: number
  sequence: number
  rank: string
}

/**
 * Returns the place of a result. As text, since a Date has no microseconds and a number of JavaScript is no `real`. A message
 * that the caller may not read has no place: its rank, and even its existence, would reveal what it says.
 */
async function find(
  run: Database['query'],
  id: string,
  { scope, words, hidden }: { scope: string; words: string; hidden: readonly string[] },
): Promise<Cursor> {
  const [cursor] = await run<Cursor>(
    `select search.at::text, partition, sequence, ts_rank(words, $3::tsquery, 1)::text as rank
     from history.messages join history.search using (partition, sequence)
     where id = $1 and search.at = coalesce(messages.at, '-infinity') and words @@ $2::tsquery
       and search.room <> all($4::text[])`,
    [storable(id), scope, words, hidden],
  )
  if (cursor === undefined) throw new RabbleError('bad-frame', 'before names no result of this search')
  return cursor
}
