import type { Lease } from './lease.ts'

/**
 * The seam between Rabble's SQL and what runs it: PostgreSQL (`connectPostgres`) or PGlite (`openPglite`), which is
 * PostgreSQL in WebAssembly. The same SQL, migrations and tests run on both.
 *
 * Values: int8 (offsets, sequences, `count(*)`) comes as a number and rejects past 2^53; bytea is a Buffer, timestamptz
 * a Date, json parsed. As parameters, give json as a string: an array would be taken for a PostgreSQL array.
 */
export interface Database {
  readonly kind: 'postgres' | 'pglite'
  /**
   * One statement; `$1` placeholders. Without `params` several statements may stand there, and the rows are the last
   * one's. Rejects with the driver's error (`code` is the SQLSTATE; a lost or refused connection has 08006).
   */
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /**
   * Runs `work` in one transaction on one connection; rolls back if it throws. `work` gets a `query` of its own and
   * must use no other: PGlite has one connection, and a statement that fails poisons the rest of its transaction.
   * If the connection is lost during the commit, it rejects although the transaction may have been committed.
   */
  transaction<Result>(
    work: (query: Database['query']) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>
  /**
   * Takes a lock that only one process, and in it only one caller, has at a time; undefined if somebody has it. A process
   * that is killed loses it at once, one that is frozen or cut off after 5 seconds, in which it may not notice: whatever
   * two must never both do needs a condition of its own in its transaction. Not through a pooler that shares sessions.
   */
  lease(name: string): Promise<Lease | undefined>
  close(): Promise<void>
}

export interface TransactionOptions {
  /** Milliseconds that each statement may take; 0: any time. The connection's own limit unless told. */
  statementTimeout?: number
}
