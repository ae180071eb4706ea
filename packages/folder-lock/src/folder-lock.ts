import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Of this process, by resolved folder: a process finds its own id alive, so the file alone can't tell. */
const held = new Set<string>()

/**
 * Takes a folder for this process. Makes it if it isn't there, so that only its owner can enter it. The lock is a file with the
 * process's id and start time: one that a killed process left is taken over, also when its id belongs to another process by
 * now, as it will after a container's restart. Processes that can't see each other (two containers with one volume) are not kept apart.
 * @throws Error that names the folder and what is wrong with it
 */
export function lockFolder(folder: string): { release(): void } {
  const path = resolve(folder)
  const file = join(path, 'rabble.lock')
  if (held.has(path)) throw new Error(`${path} is in use by this process already`)
  const owner = identify(process.pid)
  const draft = `${file}.${process.pid}`
  try {
    // What people said is nobody else's to read. Folders on the way there are like any others.
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
    // A link, since it fails if the name exists and shows the whole content from the start.
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

/** Moves it aside first: another process may have put its own lock there since we read the stale one. */
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

/** The id of a process that lives and, where /proc tells (field 22 of stat, proc(5)), when it started; else ''. */
function identify(pid: number): string {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return ''
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${pid} ${fields[19]}\n`
  } catch {
    return `${pid}\n`
  }
}
