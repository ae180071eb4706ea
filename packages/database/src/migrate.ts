import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Database } from './database.ts'
import { sqlState } from './failure.ts'

const fileName = /^(\d+_[a-z0-9_-]+)\.sql$/

/**
 * Applies the numbered SQL files of `folder` that the database doesn't have yet, in order, each in its own transaction. `name` is
 * that of the service: several services, and several replicas of each, may migrate one database at once. A file must not change
 * after it was applied anywhere, and must not contain statements that PostgreSQL refuses in a transaction.
 * @returns the ids applied now, such as `001_messages`
 */
export async function migrate(database: Database, name: string, folder: URL | string): Promise<string[]> {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder
  const ids = await migrationsIn(path)
  await createTable(database)
  const applied: string[] = []
  for (const id of ids) {
    const sql = await readFile(join(path, `${id}.sql`), 'utf8')
    // There is no time limit: an index on a large table takes long, and so does waiting for a faster replica.
    if (await database.transaction((query) => apply(query, name, id, sql), { statementTimeout: 0 })) {
      applied.push(id)
    }
  }
  return applied
}

/**
 * Applies one file. Its id is inserted first, as the lock: another replica's insert of the same id waits for this commit, and
 * then inserts nothing.
 */
async function apply(query: Database['query'], name: string, id: string, sql: string): Promise<boolean> {
  const inserted = await query(
    'insert into rabble_migrations (service, id) values ($1, $2) on conflict do nothing returning id',
    [name, id],
  )
  if (inserted.length === 0) return false
  await query(sql)
  return true
}

async function migrationsIn(path: string): Promise<string[]> {
  const ids = (await readdir(path)).flatMap((file) => fileName.exec(file)?.[1] ?? []).sort()
  if (ids.length === 0) throw new Error(`${path} holds no migrations`)
  const numbers = ids.map((id) => Number.parseInt(id, 10))
  const wrong = numbers.findIndex((number, index) => number !== index + 1)
  if (wrong >= 0) throw new Error(`${path}: expected number ${wrong + 1}, found ${ids[wrong]}`)
  return ids
}

async function createTable(database: Database): Promise<void> {
  const sql = `create table if not exists rabble_migrations (
    service text not null,
    id text not null,
    applied_at timestamptz not null default now(),
    primary key (service, id)
  )`
  try {
    await database.query(sql)
  } catch (error) {
    // "if not exists" is not a lock: two processes that create it at once conflict in the catalogue, but then it exists.
    if (!['23505', '42P07', '42710'].includes(sqlState(error) ?? '')) throw error
  }
}
