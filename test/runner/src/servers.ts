import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  emptyPgliteVariable,
  privateFolder,
  shortLived,
  startSharedServers,
  type TestContext,
} from '@rabble/harness'

export interface Servers {
  /** Environment variables with the addresses of the servers. Rejects if one of them can't be started. */
  variables: Promise<Record<string, string>>
  /** Stops the servers, and removes their folders. */
  stop(): Promise<void>
}

/** Starts the servers that the test files of one run share: a broker, a PostgreSQL, and an empty PGlite to copy. */
export function startServers(needed: boolean): Servers {
  const teardowns: (() => unknown)[] = []
  const context: TestContext = {
    name: 'the run',
    teardown: (work) => teardowns.push(work),
    comment: (message) => process.stderr.write(`${message}\n`),
    passing: () => true,
  }
  const variables = needed ? start(context) : Promise.resolve({})
  return {
    variables,
    async stop() {
      await variables.catch(() => {})
      for (const work of teardowns.reverse()) await work()
    },
  }
}

async function start(context: TestContext): Promise<Record<string, string>> {
  const folder = privateFolder(context, 'empty-pglite')
  const prepare = fileURLToPath(new URL('./prepare-pglite-main.js', import.meta.url))
  const [variables] = await Promise.all([
    startSharedServers(context),
    promisify(execFile)(process.execPath, [...shortLived, prepare, folder]),
  ])
  return { ...variables, [emptyPgliteVariable]: folder }
}
