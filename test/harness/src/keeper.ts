import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openLogFile } from './log-file.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { TestContext } from './test-context.ts'

export interface KeeperOptions {
  /** Whether a process that died is started again. Default: false. */
  restart?: boolean
  /** Folder with a file for the output of each process: `<name>.log`. Default: none. */
  logs?: string
  /** Called for each process that was started, and for each that died. */
  onChange?(name: string, state: 'started' | 'died'): void
}

/** Kinds of processes in the order in which they are stopped. Those of one kind are stopped together. */
const kinds = ['proxy', 'service', 'database'] as const

type Kept = ManagedProcess & { port: number }

export interface Keeper {
  keep<P extends Kept>(name: string, kind: (typeof kinds)[number], process: P): P
  /** Stops all processes. Those that depend on others are stopped first. */
  stop(): Promise<void>
}

/** Delay (ms) until a process that died is started again, and interval (ms) of the checks. */
const restartAfter = 1_000
const lookEvery = 250

/** Watches processes: restarts those that died, with `restart`, and writes a list of those that run to `file`. */
export function createKeeper(t: TestContext, file: string, options: KeeperOptions): Keeper {
  const kept = new Map<string, { kind: (typeof kinds)[number]; process: Kept }>()
  const stop = new AbortController()
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  let written = ''

  function write(): void {
    const processes = [...kept]
      .filter(([, { process }]) => process.running)
      .map(([name, { process }]) => ({ name, pid: process.pid, port: process.port }))
    const text = `${JSON.stringify({ processes }, null, 2)}\n`
    if (text === written) return
    written = text
    // Renaming is atomic: a reader gets the old list or the new one, never a part.
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }

  /** Waits, and resolves with false if the keeper was stopped meanwhile. */
  async function goesOn(milliseconds: number): Promise<boolean> {
    await delay(milliseconds)
    return !stop.signal.aborted
  }

  async function watch(name: string, process: Kept): Promise<void> {
    while (await goesOn(lookEvery)) {
      write()
      if (process.running || !options.restart) continue
      options.onChange?.(name, 'died')
      while (!process.running && (await goesOn(restartAfter))) await startAgain(name, process)
    }
  }

  /** Tries to start a process again. It may fail while a dependency is down; the next attempt follows after `restartAfter`. */
  async function startAgain(name: string, process: Kept): Promise<void> {
    const started = process.restart().then(
      () => options.onChange?.(name, 'started'),
      () => {},
    )
    // The process id is known before the process is ready.
    if (await goesOn(lookEvery)) write()
    await Promise.race([started, stopped])
    if (!stop.signal.aborted) write()
  }

  const watching: Promise<void>[] = []
  return {
    keep(name, kind, process) {
      // Runs before the teardown of the process, which the keeper would otherwise start again.
      t.teardown(() => stop.abort())
      kept.set(name, { kind, process })
      if (options.logs !== undefined) process.copyLogs(openLogFile(join(options.logs, `${name}.log`)))
      write()
      options.onChange?.(name, 'started')
      watching.push(watch(name, process))
      return process
    },
    async stop() {
      stop.abort()
      await Promise.all(watching)
      for (const wanted of kinds) {
        const next = [...kept.values()].filter(({ kind }) => kind === wanted)
        await Promise.all(next.map(({ process }) => process.stop().catch(() => {})))
      }
      write()
    },
  }
}
