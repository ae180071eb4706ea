import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { assertNothingLeft, inForm, until } from '../../src/index.ts'
import { descendants, isRunning } from '../../src/process-tree.ts'

assertNothingLeft(t)
const fixture = fileURLToPath(new URL('../fixtures/doomed.js', import.meta.url))

const ends = {
  postgres: inForm(['SIGKILL'], ['SIGKILL', 'SIGTERM', 'process.exit()']),
  rabbitmq: inForm([], ['SIGKILL']),
}

for (const [what, ways] of Object.entries(ends)) {
  for (const end of ways) {
    t.test(`a test process that ends by ${end} leaves nothing of its ${what}`, async (t) => {
      const child = spawn(process.execPath, [fixture, what], { stdio: ['pipe', 'pipe', 'inherit'] })
      const [line] = await once(child.stdout, 'data')
      const { pid } = JSON.parse(String(line)) as { pid: number }
      const processes = [...descendants(child.pid ?? -1)]
      t.ok(processes.includes(pid))
      // The folder is the one that the server has in its arguments or its environment.
      const folder = folderOf(pid)
      t.ok(existsSync(folder), folder)

      const ended = once(child, 'exit')
      if (end === 'process.exit()') child.stdin.write('go\n')
      else child.kill(end as NodeJS.Signals)
      await ended
      await until(() => !processes.some(isRunning), 90_000, 'its processes and the reaper to be gone')
      t.notOk(existsSync(folder), 'no folder')
      t.notOk(creatorsOfSharedMemory().includes(pid), 'no shared memory')
    })
  }
}

/** Returns the ids of the processes that created the existing segments: the fifth column, proc(5). */
function creatorsOfSharedMemory(): number[] {
  const lines = readFileSync('/proc/sysvipc/shm', 'utf8').trimEnd().split('\n').slice(1)
  return lines.map((line) => Number(line.trim().split(/\s+/)[4]))
}

function folderOf(pid: number): string {
  const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
  const name = readdirSync(tmpdir()).find((entry) => entry.startsWith('rabble-') && text.includes(entry))
  return join(tmpdir(), name ?? 'none')
}
