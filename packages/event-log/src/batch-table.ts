import type { Clock } from '@rabble/clock'
import type { Database } from '@rabble/database'

/** A batch as it stands in the table. */
export interface StoredBatch {
  offset: number
  body: Buffer
}

/** The table of the in-process log. Offsets of a partition begin at 0 and have no gaps, but for what retention took. */
export interface BatchTable {
  /** The highest offset, -1 if there is none. */
  last(partition: number): Promise<number>
  /** Stores a batch; false if the offset is taken by another one. To store the same one again is a success. */
  insert(partition: number, offset: number, body: Buffer): Promise<boolean>
  /** What follows `offset`, in order: at least one batch if there is one, and about `bytes` of them. */
  after(partition: number, offset: number, bytes: number): Promise<StoredBatch[]>
  /** The highest offset of what was stored before a time (ms since 1970), -1 if there is none. */
  before(partition: number, time: number): Promise<number>
  /**
   * Deletes some of the oldest batches, those that were stored more than `age` milliseconds ago. Returns how many, `step` at
   * most. Ends before the first batch that is younger: the clock may have been wrong when one was stored, which must leave no
   * hole. A time that is yet to come says nothing.
   */
  prune(partition: number, age: number, step: number): Promise<number>
  /** Makes the room of what was pruned usable again, where nobody else does. */
  reclaim(): Promise<void>
}

/**
 * The batches are stored as text: as `bytea`, PGlite takes ten times as long to write them (measured: 118 against 10 ms
 * for 400 KB), and lines of JSON are text without a NUL.
 */
export async function openBatchTable(database: Database, clock: Clock): Promise<BatchTable> {
  await database.query(`create table if not exists rabble_log (
    partition integer not null,
    "offset" bigint not null,
    at bigint not null,
    body text not null,
    primary key (partition, "offset")
  )`)

  async function number(sql: string, params: unknown[]): Promise<number> {
    const [row] = await database.query<{ value: number | string | null }>(sql, params)
    return Number(row?.value ?? -1)
  }

  return {
    last: (partition) => {
      return number('select max("offset") as value from rabble_log where partition = $1', [partition])
    },

    async insert(partition, offset, body) {
      const text = body.toString()
      const inserted = await database.query(
        `insert into rabble_log (partition, "offset", at, body) values ($1, $2, $3, $4)
        on conflict do nothing returning 1`,
        [partition, offset, clock.now(), text],
      )
      if (inserted.length > 0) return true
      // Our own, if the answer to an earlier attempt was lost.
      const same = await database.query(
        'select 1 from rabble_log where partition = $1 and "offset" = $2 and body = $3',
        [partition, offset, text],
      )
      return same.length > 0
    },

    async after(partition, offset, bytes) {
      // octet_length of a stored value doesn't read it, so the sum costs little.
      const rows = await database.query<{ offset: number | string; body: string }>(
        `select "offset", body from (
          select "offset", body, sum(octet_length(body)) over (order by "offset") - octet_length(body) as before
          from (select * from rabble_log where partition = $1 and "offset" > $2 order by "offset" limit 200) page
        ) sized where before < $3 order by "offset"`,
        [partition, offset, bytes],
      )
      return rows.map(({ offset, body }) => ({ offset: Number(offset), body: Buffer.from(body) }))
    },

    // From the end backwards, since readers ask for the last minute: no index over `at` is worth its writes.
    before: (partition, time) => {
      return number(
        `select "offset" as value from rabble_log where partition = $1 and at < $2
        order by "offset" desc limit 1`,
        [partition, time],
      )
    },

    async prune(partition, age, step) {
      const now = clock.now()
      const rows = await database.query(
        `with head as (
          select "offset", at from rabble_log where partition = $1 order by "offset" limit $4
        ), younger as (
          select coalesce(min("offset"), $5) as first from head where at between $2 and $3
        )
        delete from rabble_log where partition = $1 and "offset" <= (
          select max("offset") from head, younger where at < $2 and "offset" < first
        ) returning 1`,
        [partition, now - age, now, step, Number.MAX_SAFE_INTEGER],
      )
      return rows.length
    },

    async reclaim() {
      // PostgreSQL has autovacuum; without one PGlite's file would only ever grow.
      if (database.kind === 'pglite') await database.query('vacuum rabble_log')
    },
  }
}
