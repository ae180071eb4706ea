import { type Clock, systemClock } from '@rabble/clock'
import { inTime } from '@rabble/clock/race'
import pg from 'pg'
import type { Database } from './database.ts'
import { ConnectionFailure, isUnavailable, sqlState } from './failure.ts'
import { isLeased, type Lease, takeLease } from './lease.ts'
import { int8Type, parseInt8 } from './value-types.ts'

/** Options of the connections. Times are in milliseconds. */
export interface PostgresOptions {
  /** Name of the connections in `pg_stat_activity`. Default: `rabble`. */
  name?: string
  /** Maximum number of connections; further work waits for one. Default: 10. */
  connections?: number
  /** Time limit to get a connection, new or returned. Default: 3000. */
  connectTimeout?: number
  /**
   * Time limit of one statement. One second later the client closes the connection of a server that doesn't answer. Default:
   * 10,000.
   */
  statementTimeout?: number
  /** Called for idle connections that were lost. They are replaced when needed. */
  onError?: (error: Error) => void
  /** Clock of leases and of closing; the driver uses the machine's. Default: the machine's. */
  clock?: Clock
}

/** Longest time (ms) of a timer of Node.js, longer than any statement. */
const never = 2 ** 31 - 1

/**
 * Creates a pool of connections to PostgreSQL. It connects when needed: if the server is down it resolves nevertheless, and each
 * query rejects (see `isUnavailable`) until the server is up.
 * @throws Error if the URL is not one of PostgreSQL
 */
export async function connectPostgres(url: string, options: PostgresOptions = {}): Promise<Database> {
  // The driver would take any other text as the name of a local database.
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    throw new TypeError('the URL must be postgres://…')
  const { statementTimeout = 10_000, clock = systemClock } = options
  const connection = {
    connectionString: url,
    application_name: options.name ?? 'rabble',
    connectionTimeoutMillis: options.connectTimeout ?? 3_000,
    statement_timeout: statementTimeout,
    keepAlive: true,
  }
  const pool = new pg.Pool({
    ...connection,
    max: options.connections ?? 10,
    query_timeout: clientTimeout(statementTimeout),
    // The server ends the transaction of a frozen process, which would hold its locks. The limit is not longer than a lease lasts
    // without a heartbeat, so that the next holder doesn't wait for them.
    idle_in_transaction_session_timeout: 5_000,
    types: { getTypeParser },
  })
  // Without a listener, an idle connection that fails would end the process.
  pool.on('error', (error) => options.onError?.(error))
  // So would one whose error arrives in one piece with the answer that it is open: its user can't listen yet.
  pool.on('connect', (client) => client.on('error', () => {}))
  let closing: Promise<void> | undefined
  const leases = new Set<Lease>()

  async function lease(name: string): Promise<Lease | undefined> {
    const [row] = await withClient(pool, (client) => client.query<{ leased: boolean }>(isLeased, [name]))
    if (row?.leased !== false) return undefined
    const lease = await takeLease(connection, name, clock).catch((error: unknown) =>
      Promise.reject(translate(error)),
    )
    if (lease === undefined) return undefined
    leases.add(lease)
    lease.ended.addEventListener('abort', () => leases.delete(lease))
    if (closing !== undefined) await lease.release()
    return lease
  }

  return {
    kind: 'postgres',
    query: (sql, params) => withClient(pool, (client) => client.query(sql, params)),
    lease,
    transaction: (work, { statementTimeout: own } = {}) =>
      withClient(pool, (client) => inTransaction(client, work, own)),
    close() {
      closing ??= Promise.all([...leases].map((lease) => lease.release())).then(() => endPool(pool, clock))
      return closing
    },
  }
}

interface Connection {
  query<Row>(sql: string, params?: readonly unknown[], timeout?: number): Promise<Row[]>
  /** Returns the tag of the command that ran, which is ROLLBACK for the COMMIT of a failed transaction. */
  command(sql: string): Promise<string>
}

async function withClient<Result>(
  pool: pg.Pool,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(translate(error)))
  let broken = false
  const fail = () => {
    broken = true
  }
  client.on('error', fail)

  async function run(sql: string, params?: readonly unknown[], timeout?: number): Promise<pg.QueryResult> {
    if (broken) throw new ConnectionFailure('the connection was lost')
    try {
      return await client.query({
        text: sql,
        ...(params && { values: [...params] }),
        ...(timeout !== undefined && { query_timeout: clientTimeout(timeout) }),
      })
    } catch (error) {
      const translated = translate(error)
      if (sqlState(translated)?.startsWith('08')) broken = true
      throw translated
    }
  }

  try {
    return await work({
      // Several statements return an array of results.
      query: async (...args) => [await run(...args)].flat().at(-1)?.rows ?? [],
      command: async (sql) => (await run(sql)).command,
    })
  } finally {
    client.off('error', fail)
    client.release(broken)
  }
}

async function inTransaction<Result>(
  connection: Connection,
  work: (query: Database['query']) => Promise<Result>,
  statementTimeout?: number,
): Promise<Result> {
  await connection.command('begin')
  try {
    if (statementTimeout !== undefined) {
      await connection.query(`set local statement_timeout = ${Math.trunc(statementTimeout)}`)
    }
    const result = await work((sql, params) => connection.query(sql, params, statementTimeout))
    if ((await connection.command('commit')) === 'ROLLBACK') {
      throw Object.assign(new Error('a statement of the transaction failed, so it was rolled back'), {
        code: '25P02',
      })
    }
    return result
  } catch (error) {
    // If this fails too, the connection is broken, and its end rolls back.
    await connection.command('rollback').catch(() => {})
    throw error
  }
}

/** Closes the pool. Waits at most 2 seconds for a server that doesn't answer. */
async function endPool(pool: pg.Pool, clock: Clock): Promise<void> {
  await inTime(pool.end(), 2_000, clock)
}

function clientTimeout(statementTimeout: number): number {
  return statementTimeout === 0 ? never : statementTimeout + 1_000
}

/**
 * Returns the server's errors unchanged. The driver's own errors become connection failures, except for a value that it can't
 * send.
 */
function translate(error: unknown): unknown {
  if (error instanceof pg.DatabaseError || error instanceof TypeError || error instanceof RangeError)
    return error
  if (isUnavailable(error)) return error
  const message = (error as Error).message || ((error as NodeJS.ErrnoException).code ?? 'no connection')
  return new ConnectionFailure(message, { cause: error })
}

function getTypeParser(type: number, format?: string): unknown {
  if (type === int8Type && format !== 'binary') return parseInt8
  return format === 'binary' ? pg.types.getTypeParser(type, 'binary') : pg.types.getTypeParser(type)
}
