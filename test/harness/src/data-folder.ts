import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { privateFolder } from './private-folder.ts'
import type { TestContext } from './test-context.ts'

/** The variable by which the processes of test files find the folder with an empty PGlite, if the run has made one. */
export const emptyPgliteVariable = 'RABBLE_TEST_PGLITE'

/**
 * A folder for the DATA_DIR of the one process: with an empty database in it, if there is one to copy, since making one takes a
 * process several seconds. A test that is about the very first start takes a `privateFolder`.
 */
export function dataFolder(t: TestContext): string {
  const folder = privateFolder(t, 'data')
  const empty = process.env[emptyPgliteVariable]
  if (empty !== undefined) cpSync(join(empty, 'pglite'), join(folder, 'pglite'), { recursive: true })
  return folder
}
