import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process or folder that must not outlive the test process. */
export type Belonging = { pid: number } | { folder: string }

/** A line of the reaper's input. */
export type ReaperLine = { add: Belonging } | { drop: Belonging }

let reaper: ChildProcess | undefined

/**
 * Registers a belonging with the reaper, a separate process, which kills or removes it when this process ends, also by
 * `kill -9`: the kernel then closes the pipe between the two in any case. Returns a function that removes the registration.
 *
 * The parent-death signal of Linux is not enough: it is lost when a process changes its user, as PostgreSQL's must, does not
 * reach grandchildren, and removes no folder.
 */
export function belongsToThisProcess(belonging: Belonging): () => void {
  tell({ add: belonging })
  return () => tell({ drop: belonging })
}

/** Returns the reaper's process id, or undefined if nothing was registered. */
export function reaperPid(): number | undefined {
  return reaper?.pid
}

function tell(line: ReaperLine): void {
  reaper ??= startReaper()
  reaper.stdin?.write(`${JSON.stringify(line)}\n`)
}

function startReaper(): ChildProcess {
  const script = fileURLToPath(new URL('./reaper-main.js', import.meta.url))
  // Detached: Ctrl-C in the terminal must end the tests, not the process that cleans up after them. For env(1) see
  // managed-process.ts.
  const args = ['-i', `PATH=${process.env.PATH}`, process.execPath, script]
  const child = spawn('/usr/bin/env', args, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return child
}
