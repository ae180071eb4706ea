import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What must not outlive the test process. */
export type Belonging = { pid: number } | { folder: string }

/** One line of what the reaper reads. */
export type ReaperLine = { add: Belonging } | { drop: Belonging }

let reaper: ChildProcess | undefined

/**
 * Tells the reaper, a process of its own, what to kill and remove should this process end in whatever way, `kill -9`
 * included: the kernel then closes the pipe between the two, which nobody can prevent or forget. Returns what makes
 * the reaper forget it again.
 *
 * The parent-death signal of Linux would not do: it is lost when a process changes its user, as PostgreSQL's must,
 * does not reach grandchildren, and removes no folder.
 */
export function belongsToThisProcess(belonging: Belonging): () => void {
  tell({ add: belonging })
  return () => tell({ drop: belonging })
}

/** The reaper's process id, if there was anything to look after. */
export function reaperPid(): number | undefined {
  return reaper?.pid
}

function tell(line: ReaperLine): void {
  reaper ??= startReaper()
  reaper.stdin?.write(`${JSON.stringify(line)}\n`)
}

function startReaper(): ChildProcess {
  const script = fileURLToPath(new URL('./reaper-main.js', import.meta.url))
  // Detached: Ctrl-C in the terminal must end the tests, not the one who tidies up after them.
  // For env(1) see managed-process.ts.
  const args = ['-i', `PATH=${process.env.PATH}`, process.execPath, script]
  const child = spawn('/usr/bin/env', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return child
}
