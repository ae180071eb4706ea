import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Folders (resolved) that this process has locked. The lock file is not enough: a process finds its own id alive. */
const held = new Set<string>()

/**
 * Locks a folder for this process. Creates it if needed, so that only its owner can enter it. The lock is a file with the
 * process's id and start time. The lock of a killed process is taken over, also if another process has its id now, as after a
 * container's restart. It does not separate processes that can't see each other (two containers with one volume).
 * @throws Error that names the folder and the problem
 */
export function lockFolder(folder: string): { release(): void } {
  const path = resolve(folder)
  const file = join(path, 'rabble.lock')
  if (held.has(path)) throw new Error(`${path} is in use by this process already`)
  const owner = identify(process.pid)
  const draft = `${file}.${process.pid}`
  try {
    // Messages are private, so the folder is only for its owner. Its parent folders have the usual rights.
    mkdirSync(dirname(path), { recursive: true })
    mkdirSync(path, { recursive: true, mode: 0o700 })
    writeFileSync(draft, owner)
  } catch (cause) {
    throw new Error(`${path} must be a folder that can be written to: ${(cause as Error).message}`, { cause })
  }
  try {
    take(draft, file, path)
  } finally {
    rmSync(draft, { force: true })
  }
  held.add(path)
  return {
    release() {
      if (held.delete(path) && readLock(file) === owner) rmSync(file, { force: true })
    },
  }
}

function take(draft: string, file: string, path: string): void {
  for (let attempt = 0; attempt < 5; attempt++) {
    // Uses a link: it fails if the name exists, and shows the whole content at once.
    if (link(draft, file)) return
    const found = readLock(file)
    if (found === undefined) continue
    const pid = Number.parseInt(found, 10)
    if (pid !== process.pid && pid > 0 && identify(pid) === found) {
      throw new Error(`${path} is in use by process ${pid}`)
    }
    removeStale(file, found, draft)
  }
  throw new Error(`${path} is being taken by another process`)
}

/** Removes a stale lock. It is moved aside first: another process may have replaced it meanwhile. */
function removeStale(file: string, stale: string, draft: string): void {
  const aside = `${draft}.stale`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (readLock(aside) !== stale) link(aside, file)
  rmSync(aside, { force: true })
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function readLock(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Returns the id of a live process and, where /proc has it (field 22 of stat, proc(5)), its start time; '' if it is dead. */
function identify(pid: number): string {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return ''
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the command, in parentheses, may contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${pid} ${fields[19]}\n`
  } catch {
    return `${pid}\n`
  }
}
