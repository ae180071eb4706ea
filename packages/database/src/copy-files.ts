import { constants } from 'node:fs'
import { cp } from 'node:fs/promises'

/**
 * Copies the files of a database that nothing writes meanwhile. Where the file system can, the copy shares their blocks.
 * @throws Error if `to` exists, or can't be written
 */
export async function copyDatabaseFiles(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    force: false,
    errorOnExist: true,
    mode: constants.COPYFILE_FICLONE,
  })
}
