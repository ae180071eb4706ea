import type { Clock } from '@rabble/clock'
import type { Database } from '@rabble/database'

/** Batch as it is stored in the table. */
export interface StoredBatch {
  offset: number
  body: Buffer
}

/**
 * Table of the in-process log. The offsets of a partition begin at 0. They have no gaps, except where retention deleted batches.
 */
export interface BatchTable {
  /** Returns the highest offset, or -1 if there is none. */
  last(partition: number): Promise<number>
  /** Stores a batch. Returns false if another batch has the offset. Storing the same one again succeeds. */
  insert(partition: number, offset: number, body: Buffer): Promise<boolean>
  /** Returns the batches after `offset`, in order: at least one if there is one, and about `bytes` of them. */
  after(partition: number, offset: number, bytes: number): Promise<StoredBatch[]>
  /** Returns the highest offset of the batches stored before a time (ms since 1970), or -1 if there is none. */
  before(partition: number, time: number): Promise<number>
  /**
   * Deletes some of the oldest batches, stored more than `age` milliseconds ago. Returns their number, `step` at most. It stops
   * before the first younger batch: the clock may have been wrong when a batch was stored, which must not leave a hole. Times in
   * the future are ignored.
   */
  prune(partition: number, age: number, step: number): Promise<number>
  /** Makes the space of deleted batches usable again, if the database doesn't do that itself. */
  reclaim(): Promise<void>
}

/**
 * Opens the table, and creates it if needed. Batches are stored as text: PGlite takes ten times as long to write `bytea`
 * (measured: 118 against 10 ms for 400 KB), and lines of JSON are text without a NUL.
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
      // It is our own batch if the answer to an earlier attempt was lost.
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

    // Searches from the end, since readers ask for the last minute: an index over `at` is not worth its writes.
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
      // PostgreSQL has autovacuum. PGlite has none, and its file would only grow.
      if (database.kind === 'pglite') await database.query('vacuum rabble_log')
    },
  }
}
