import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { privateFolder } from './private-folder.ts'
import type { TestContext } from './test-context.ts'

/** Environment variable with the folder of an empty PGlite, if the run has made one. Test files read it. */
export const emptyPgliteVariable = 'RABBLE_TEST_PGLITE'

/**
 * Returns a folder for the DATA_DIR of the standalone process. It holds a copy of an empty database, if the run has made one,
 * since creating one takes several seconds. A test of the very first start uses a `privateFolder`.
 */
export function dataFolder(t: TestContext): string {
  const folder = privateFolder(t, 'data')
  const empty = process.env[emptyPgliteVariable]
  if (empty !== undefined) cpSync(join(empty, 'pglite'), join(folder, 'pglite'), { recursive: true })
  return folder
}
