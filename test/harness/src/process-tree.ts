import { readdirSync, readFileSync } from 'node:fs'

/** Whether a process runs. A zombie, which has ended and waits for its parent, does not. */
export function isRunning(pid: number): boolean {
  const stat = readStat(pid)
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X'
}

/** Returns the running descendants of a process, in all process groups and sessions. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    const child = Number(entry)
    if (!Number.isInteger(child)) continue
    const stat = readStat(child)
    if (!stat || stat.state === 'Z') continue
    const siblings = children.get(stat.parent)
    if (siblings) siblings.push(child)
    else children.set(stat.parent, [child])
  }
  const below = (parent: number): number[] =>
    (children.get(parent) ?? []).flatMap((child) => [child, ...below(child)])
  return below(pid)
}

/**
 * Sends a signal to a process and its descendants, and returns their ids. A signal to the process group is not enough: each
 * backend of PostgreSQL has a group of its own.
 */
export function signalTree(pid: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): number[] {
  // A stopped process can't start a child while its children are being listed.
  send(pid, 'SIGSTOP')
  const tree = [pid, ...descendants(pid)]
  for (const member of tree) send(member, signal)
  return tree
}

/**
 * Freezes a process and its descendants. When it returns, all their threads have stopped. The kernel stops each thread at its next
 * moment, up to some milliseconds after SIGSTOP, and until then a broker may still answer.
 */
export function freezeTree(pid: number): void {
  const tree = signalTree(pid, 'SIGSTOP')
  const end = performance.now() + longestStop
  while (tree.some(goesOn) && performance.now() < end) {
    // Ends soon, but for a thread that waits in the kernel for another process of the tree. That one does nothing either.
  }
}

/** Time (ms) within which threads stop, also on a busy machine. */
const longestStop = 5_000

function goesOn(pid: number): boolean {
  return threadStates(pid).some((state) => !stopped.has(state))
}

/** States of a thread that has stopped, or ended: proc(5). */
const stopped: ReadonlySet<string> = new Set(['T', 't', 'Z', 'X'])

function threadStates(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => readStat(`${pid}/task/${thread}`)?.state ?? 'X')
  } catch {
    return []
  }
}

/** Sends a signal to the remaining processes of a group. */
export function signalGroup(leader: number, signal: 'SIGKILL'): void {
  send(-leader, signal)
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Reads the state of a process, or of the thread at `<pid>/task/<thread>`. */
function readStat(path: number | string): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${path}/stat`, 'latin1')
    // The second field is the command in parentheses, which may contain spaces and parentheses: proc(5).
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}
