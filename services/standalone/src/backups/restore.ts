import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { copyDatabaseFiles, openPglite } from '@rabble/database'
import { markLoss } from '@rabble/event-log'
import { lockFolder } from '@rabble/folder-lock'
import { type About, readAbout } from './about.ts'

export interface RestoreOptions {
  /** Folder of the backup. */
  from: string
  dataDir: string
  /** Whether a database that is there is put aside. Default: it is an error. */
  replace?: boolean
  /** Whether nothing was written after the backup, as in a move to another machine. Default: a gap is told. */
  nothingLost?: boolean
  now?: Date
}

export interface Restored {
  backup: About
  /** Paths of what was there before, which nothing deletes. */
  replaced: string[]
}

/** Statements for the tables of history, which docker/restore runs as well. */
const afterRestore = new URL('../../../../history/restored.sql', import.meta.url)
/** Name below DATA_DIR of a database that is not complete yet. */
const draftName = 'restoring'

/**
 * Puts a backup into DATA_DIR, which no process may use. Nothing there is touched before the whole backup was copied and opened, so
 * a restore that fails can be repeated.
 * @throws Error for people
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { from, dataDir, replace = false, nothingLost = false, now = new Date() } = options
  const backup = readAbout(from)
  if (backup.of !== 'data') {
    throw new Error(`${from} is a backup of PostgreSQL, which docker/restore puts back`)
  }
  if (existsSync(join(dataDir, 'postgres', 'data'))) {
    throw new Error(`${resolve(dataDir)} is of \`make cluster\`, which has no use for ${from}`)
  }
  const lock = lockInTurn(dataDir)
  try {
    const [database, secret] = [join(dataDir, 'pglite'), join(dataDir, 'secret')]
    if (existsSync(database) && !replace) {
      throw new Error(
        `${resolve(dataDir)} has a database. With REPLACE=1 it is kept beside the restored one, under another name`,
      )
    }
    const draft = join(dataDir, draftName)
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { mode: 0o700 })
    await copyDatabaseFiles(join(from, 'pglite'), join(draft, 'pglite'))
    const opened = await openPglite(draft)
    try {
      if (!nothingLost) {
        await markLoss(opened, now)
        await opened.query(readFileSync(afterRestore, 'utf8'))
      }
    } finally {
      await opened.close()
    }
    const replaced: string[] = []
    const stamp = now.toISOString().slice(0, 19).replaceAll(':', '-')
    const putAside = (path: string) => {
      if (!existsSync(path)) return
      renameSync(path, `${path}.replaced-${stamp}`)
      replaced.push(resolve(`${path}.replaced-${stamp}`))
    }
    // A secret that was set by a variable is in no backup, and the one that is here may be used then.
    if (existsSync(join(from, 'secret'))) {
      putAside(secret)
      copyFileSync(join(from, 'secret'), secret)
    }
    putAside(database)
    renameSync(join(draft, 'pglite'), database)
    rmSync(draft, { recursive: true, force: true })
    return { backup, replaced }
  } finally {
    lock.release()
  }
}

function lockInTurn(dataDir: string): ReturnType<typeof lockFolder> {
  try {
    return lockFolder(dataDir)
  } catch (cause) {
    throw new Error(`${(cause as Error).message}: stop it first`, { cause })
  }
}
