import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { copyDatabaseFiles, type Database, openPglite } from '@rabble/database'
import { lockFolder } from '@rabble/folder-lock'
import { type About, writeAbout } from './about.ts'
import { requestCopy } from './copy-request.ts'

export interface Backup extends About {
  /** Path of its folder. */
  folder: string
}

/**
 * Makes a backup of DATA_DIR, also while a process uses it: its database and its secret, in a new folder below `to`, which only its
 * owner can enter. The copy was opened and read before it gets its name, so each `rabble-…` in `to` is a whole backup.
 * @throws Error for people, if there is nothing to back up, or no copy can be made
 */
export async function backUp(dataDir: string, to: string, now = new Date()): Promise<Backup> {
  if (!existsSync(join(dataDir, 'pglite', 'PG_VERSION'))) {
    const isCluster = existsSync(join(dataDir, 'postgres', 'data'))
    throw new Error(
      isCluster
        ? `${resolve(dataDir)} is of \`make cluster\`: stop it, and copy the folder`
        : `${resolve(dataDir)} holds no database of \`make start\``,
    )
  }
  const lock = lockFolder(to)
  try {
    // One name, so that at most one remains of backups that were killed.
    const draft = resolve(to, 'unfinished')
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { mode: 0o700 })
    await copyDatabase(dataDir, join(draft, 'pglite'))
    const secret = join(dataDir, 'secret')
    // Its mode is copied as well.
    if (existsSync(secret)) copyFileSync(secret, join(draft, 'secret'))
    const messages = await countMessages(draft)
    const at = now.toISOString()
    const about = { of: 'data', at, messages }
    writeAbout(draft, about)
    const folder = resolve(to, `rabble-${at.slice(0, 19).replaceAll(':', '-')}`)
    renameSync(draft, folder)
    return { ...about, folder }
  } finally {
    lock.release()
  }
}

async function copyDatabase(dataDir: string, to: string): Promise<void> {
  let lock: ReturnType<typeof lockFolder>
  try {
    lock = lockFolder(dataDir)
  } catch (error) {
    if (await requestCopy(dataDir, to)) return
    throw new Error(`${(error as Error).message}, which takes no requests for backups: stop it first`)
  }
  try {
    await copyDatabaseFiles(join(dataDir, 'pglite'), to)
  } finally {
    lock.release()
  }
}

async function countMessages(folder: string): Promise<number> {
  let database: Database | undefined
  try {
    database = await openPglite(folder)
    // The log and the tables of both services must be there.
    const [row] = await database.query<{ messages: number }>(
      `select (select count(*) from history.messages) as messages,
         (select count(*) from rabble_log), (select count(*) from rooms.rooms)`,
    )
    return row?.messages ?? 0
  } catch (cause) {
    throw new Error(`the copy can't be read: ${(cause as Error).message}`, { cause })
  } finally {
    await database?.close()
  }
}
