import { connect } from 'node:net'
import { givenPorts } from './free-port.ts'
import { openProcesses } from './managed-process.ts'
import { openFolders } from './private-folder.ts'
import { descendants } from './process-tree.ts'
import { reaperPid } from './reaper.ts'
import type { TestContext } from './test-context.ts'
import { until } from './until.ts'

/**
 * Makes a test file fail if anything that it started is left when it is over: call it first, on the `t` that is
 * imported, since teardowns run in reverse order. Looks for child processes (the harness's and any other), for
 * listeners on the ports that the harness gave out, and for its folders.
 * @param timeout milliseconds for all of it to go
 */
export function assertNothingLeft(t: TestContext, timeout = 60_000): void {
  t.teardown(async () => {
    let found: string[] = []
    const nothing = async () => {
      found = await leftovers()
      return found.length === 0
    }
    // What has just ended may take the kernel a moment, of a machine with much to do.
    await until(nothing, timeout, 'nothing to be left').catch(() => {})
    if (found.length > 0) throw new Error(`the tests are over, and there is left:\n${found.join('\n')}`)
  })
}

/** What there is of this process: a line for each. */
export async function leftovers(): Promise<string[]> {
  const children = descendants(process.pid).filter((pid) => pid !== reaperPid())
  const listening = await Promise.all(
    [...givenPorts].map(async (port) => ((await listens(port)) ? [port] : [])),
  )
  return [
    ...children.map((pid) => `process ${pid} (${openProcesses.get(pid) ?? 'not one of the harness'})`),
    ...listening.flat().map((port) => `a listener on port ${port}`),
    ...[...openFolders].map((folder) => `folder ${folder}`),
  ]
}

/** Whether somebody takes connections on a port of this machine. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => finish(true))
    socket.once('error', () => finish(false))
  })
}
