import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { freezeTree } from '../src/process-tree.ts'

const busyThreads = `
  const { Worker } = require('node:worker_threads')
  for (let n = 0; n < 4; n++) new Worker('for (;;) {}', { eval: true })
  console.log('busy')
`

/** Returns the states of the threads of a process: proc(5). */
function states(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')
    return stat.charAt(stat.lastIndexOf(')') + 2)
  })
}

t.test('no thread of a busy process goes on once it is frozen', async (t) => {
  const child = spawn(process.execPath, ['-e', busyThreads], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const { pid = 0 } = child
  const going: string[] = []
  for (let round = 0; round < 100; round++) {
    freezeTree(pid)
    going.push(...states(pid).filter((state) => state !== 'T'))
    child.kill('SIGCONT')
    await new Promise(setImmediate)
  }
  t.same(going, [])
})
