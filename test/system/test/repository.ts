import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Path of the repository, seen from test/system/dist/test. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url))

const ignored = new Set(['node_modules', 'dist', 'data', 'data-cluster'])

/**
 * Returns the files of a folder of the repository, at any depth, whose names match, by paths relative to the repository. Folders
 * that git ignores are left out.
 */
export function filesIn(folder: string, names: RegExp): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return names.test(entry.name) ? [path] : []
    const hidden = entry.name.startsWith('.') && entry.name !== '.github'
    return entry.isDirectory() && !hidden && !ignored.has(entry.name) ? filesIn(path, names) : []
  })
}
