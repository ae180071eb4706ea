import type { Lease } from './lease.ts'

/**
 * Interface between Rabble's SQL and PostgreSQL (`connectPostgres`) or PGlite (`openPglite`), which is PostgreSQL in WebAssembly.
 * The same SQL, migrations and tests run on both.
 *
 * Values: int8 (offsets, sequences, `count(*)`) comes as a number and rejects past 2^53; bytea is a Buffer, timestamptz a Date,
 * json parsed. Pass json parameters as strings: an array would be taken for a PostgreSQL array.
 */
export interface Database {
  readonly kind: 'postgres' | 'pglite'
  /**
   * Runs one statement with `$1` placeholders. Without `params` it may be several statements, and the rows are those of the last.
   * Rejects with the driver's error (`code` is the SQLSTATE; a lost or refused connection has 08006).
   */
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /**
   * Runs `work` in one transaction on one connection; rolls back if it throws. `work` gets its own `query` and must use no other:
   * PGlite has one connection, and a failed statement makes the rest of its transaction fail. If the connection is lost during
   * the commit, it rejects although the transaction may have been committed.
   */
  transaction<Result>(
    work: (query: Database['query']) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>
  /**
   * Takes a lock that only one process, and only one caller in it, holds at a time; undefined if it is held. A killed process
   * loses it at once. A frozen or disconnected process loses it after 5 seconds, and may not notice: an action that must happen
   * only once needs a condition in its own transaction. Doesn't work through a pooler that shares sessions.
   */
  lease(name: string): Promise<Lease | undefined>
  /**
   * Copies the database, as it is after the last transaction, into a new folder, from which `openPglite` opens it: the folder is
   * `pglite` in the folder of the copy. Statements wait meanwhile. Only PGlite has it: PostgreSQL has pg_dump.
   * @throws Error if the folder exists, or can't be written
   */
  copyTo?(folder: string): Promise<void>
  close(): Promise<void>
}

export interface TransactionOptions {
  /** Time limit (ms) of each statement; 0: none. Default: the connection's own limit. */
  statementTimeout?: number
}
