import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { belongsToThisProcess } from './reaper.ts'
import type { TestContext } from './test-context.ts'

/** User of a process that doesn't run as the current user. */
export interface SystemUser {
  uid: number
  gid: number
}

/** Private folders of this process that are not removed yet. */
export const openFolders = new Set<string>()

/** Creates a folder that only `owner` can read. It is removed at teardown, or when this process dies. */
export function privateFolder(t: TestContext, purpose: string, owner?: SystemUser): string {
  const folder = mkdtempSync(join(tmpdir(), `rabble-${purpose}-`))
  const forget = belongsToThisProcess({ folder })
  openFolders.add(folder)
  if (owner) chownSync(folder, owner.uid, owner.gid)
  t.teardown(() => {
    removeFolder(folder)
    openFolders.delete(folder)
    forget()
  })
  return folder
}

/** Removes a folder, and the shared memory of a PostgreSQL server in it. Its processes must have ended. */
export function removeFolder(folder: string): void {
  removeSharedMemory(join(folder, 'data', 'postmaster.pid'))
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/**
 * Removes the System V segment of a killed PostgreSQL, which locks its data against a second server. Line 7 of
 * postmaster.pid names it: "key id" (pidfile.h in PostgreSQL).
 */
function removeSharedMemory(pidFile: string): void {
  try {
    const id = readFileSync(pidFile, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1]
    if (id) execFileSync('ipcrm', ['--shmem-id', id], { stdio: 'ignore' })
  } catch {
    // There is no such server, or it has removed the segment.
  }
}
