import { connect } from 'node:net'
import { givenPorts } from './free-port.ts'
import { openProcesses } from './managed-process.ts'
import { openFolders } from './private-folder.ts'
import { descendants } from './process-tree.ts'
import { reaperPid } from './reaper.ts'
import type { TestContext } from './test-context.ts'
import { until } from './until.ts'

/**
 * Makes a test file fail if anything that it started is left at its end. Call it first, on the imported `t`, since teardowns
 * run in reverse order. Looks for child processes (the harness's and any other), for listeners on the ports that the harness
 * gave out, and for its folders.
 * @param timeout milliseconds until all must be gone
 */
export function assertNothingLeft(t: TestContext, timeout = 60_000): void {
  t.teardown(async () => {
    let found: string[] = []
    const nothing = async () => {
      found = await leftovers()
      return found.length === 0
    }
    // On a busy machine the kernel may need a moment to clear away a process that has just ended.
    await until(nothing, timeout, 'nothing to be left').catch(() => {})
    if (found.length > 0) throw new Error(`the tests are over, and there is left:\n${found.join('\n')}`)
  })
}

/** Describes each process, listener and folder that this test process still has, one a line. */
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

/** Whether something accepts connections on a port of this machine. */
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
