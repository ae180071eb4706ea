import { statfsSync } from 'node:fs'

/** Minimum free space (bytes) for one more file of a new database. */
const leastRoom = 1024 * 1024

/**
 * Returns the reason why PGlite can't be opened. PGlite doesn't report a full disk: its file system (Emscripten's) throws errors
 * with a number and no message, and its PostgreSQL aborts.
 */
export function openingFailure(error: unknown, folder: string | undefined): string {
  const { message, errno } = error as { message?: string; errno?: number }
  if (folder !== undefined) {
    const { bavail, bsize } = statfsSync(folder)
    if (bavail * bsize < leastRoom) return 'no space left on device'
  }
  return message || `error ${errno} of its file system`
}
