import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Returns the bytes that the files below a folder have allocated on the disk. */
export function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sum + bytesIn(path)
    // A file may have been removed since it was listed.
    const found = statSync(path, { throwIfNoEntry: false })
    return sum + (found?.blocks ?? 0) * 512
  }, 0)
}
