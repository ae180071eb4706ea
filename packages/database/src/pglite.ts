import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { lockFolder } from '@rabble/folder-lock'
import { copyDatabaseFiles } from './copy-files.ts'
import type { Database } from './database.ts'
import { ConnectionFailure } from './failure.ts'
import { openingFailure } from './opening-failure.ts'
import { byteaType, int8Type, parseBytea, parseInt8 } from './value-types.ts'

const parsers = { [int8Type]: parseInt8, [byteaType]: parseBytea }

/**
 * Opens the built-in database in `folder`, which is created if needed, or in memory. One process at a time.
 * @throws Error that names the folder if it isn't writable or another process uses it
 */
export async function openPglite(folder?: string): Promise<Database> {
  const lock = folder === undefined ? undefined : lockFolder(folder)
  try {
    const dataDir = folder === undefined ? undefined : await initialised(folder)
    const pglite = await PGlite.create({ ...(dataDir !== undefined && { dataDir }), parsers })
    return overPglite(pglite, () => lock?.release(), dataDir)
  } catch (cause) {
    lock?.release()
    throw new Error(
      `the database in ${folder ?? 'memory'} can't be opened: ${openingFailure(cause, folder)}`,
      {
        cause,
      },
    )
  }
}

/**
 * Creates the database in a folder that has none. It gets another name first: a process that is killed meanwhile, or has no
 * space, would leave a database that can't be opened. It is in its own folder, since PostgreSQL needs an empty one, and the lock
 * is beside it.
 */
async function initialised(folder: string): Promise<string> {
  const dataDir = join(folder, 'pglite')
  if (existsSync(dataDir)) return dataDir
  const draft = `${dataDir}.new`
  rmSync(draft, { recursive: true, force: true })
  const pglite = await PGlite.create({ dataDir: draft })
  await pglite.close()
  renameSync(draft, dataDir)
  return dataDir
}

/** Opens a database in memory from a dump of PGlite. It is ready in a fifth of the time of a new one. */
export async function openPgliteDump(dump: Blob): Promise<Database> {
  return overPglite(await PGlite.create({ loadDataDir: dump, parsers }), () => {})
}

function overPglite(pglite: PGlite, closed: () => void, dataDir?: string): Database {
  let closing: Promise<void> | undefined
  // No other process can use this database, so leases only separate the callers of this one.
  const leases = new Map<string, AbortController>()

  function check(): void {
    if (closing !== undefined || pglite.closed) throw new ConnectionFailure('the database is closed')
  }

  return {
    kind: 'pglite',
    async query(sql, params) {
      check()
      return run(pglite, sql, params)
    },
    async transaction(work) {
      check()
      // Other statements wait in PGlite until this transaction ends.
      return pglite.transaction((transaction) => work((sql, params) => run(transaction, sql, params)))
    },
    async lease(name) {
      check()
      if (leases.has(name)) return undefined
      const lease = new AbortController()
      leases.set(name, lease)
      lease.signal.addEventListener('abort', () => leases.delete(name))
      return { ended: lease.signal, release: async () => lease.abort(new Error('released')) }
    },
    ...(dataDir !== undefined && {
      async copyTo(folder: string) {
        check()
        // Without it, the copy would be opened as after a crash, from a long log.
        await pglite.exec('checkpoint')
        await pglite.runExclusive(() => copyDatabaseFiles(dataDir, folder))
      },
    }),
    close() {
      for (const lease of leases.values()) lease.abort(new ConnectionFailure('the database is closed'))
      closing ??= pglite.close().finally(closed)
      return closing
    },
  }
}

async function run<Row>(
  on: Pick<PGlite, 'query' | 'exec'>,
  sql: string,
  params?: readonly unknown[],
): Promise<Row[]> {
  if (params !== undefined) return (await on.query<Row>(sql, [...params])).rows
  const results = await on.exec(sql)
  return (results.at(-1)?.rows ?? []) as Row[]
}
