import { readdirSync, readFileSync } from 'node:fs'

/** Whether a process runs; one that has ended and waits for its parent to look (a zombie) does not. */
export function isRunning(pid: number): boolean {
  const stat = readStat(pid)
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X'
}

/** The running processes below one, whatever process groups or sessions they made for themselves. */
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
 * Sends a signal to a process and everything below it and returns whom it was sent to. A process group would not do:
 * each backend of PostgreSQL has its own.
 */
export function signalTree(pid: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): number[] {
  // What is stopped cannot start a child while its children are being listed.
  send(pid, 'SIGSTOP')
  const tree = [pid, ...descendants(pid)]
  for (const member of tree) send(member, signal)
  return tree
}

/** Sends a signal to what is left of a process group. */
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

function readStat(pid: number): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the command in parentheses, which may hold spaces and parentheses itself: proc(5).
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}
