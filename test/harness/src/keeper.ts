import { renameSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { ManagedProcess } from './managed-process.ts'
import type { TestContext } from './test-context.ts'

export interface KeeperOptions {
  /** Whether what dies is started again; false unless told. */
  restart?: boolean
  /** Told of each process that was started, and of each that died. */
  onChange?(name: string, state: 'started' | 'died'): void
}

/** In this order processes are asked to end, those of one kind together. */
const kinds = ['door', 'service', 'database'] as const

type Kept = ManagedProcess & { port: number }

export interface Keeper {
  keep<P extends Kept>(name: string, kind: (typeof kinds)[number], process: P): P
  /** Asks all to end, those first that need others. */
  stop(): Promise<void>
}

/** Milliseconds until a process that died is started again, and between two looks at them. */
const restartAfter = 1_000
const lookEvery = 250

/** Looks after processes: starts again what has died, if told so, and writes to `file` what runs. */
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
    // Whoever reads it gets the old one or the new one, and never a part.
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }

  /** Resolves after these milliseconds to whether there is still something to do. */
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

  /** What it needs may be down as well: then the next attempt is due in a second. */
  async function startAgain(name: string, process: Kept): Promise<void> {
    const started = process.restart().then(
      () => options.onChange?.(name, 'started'),
      () => {},
    )
    // Its number is known before it is ready.
    if (await goesOn(lookEvery)) write()
    await Promise.race([started, stopped])
    if (!stop.signal.aborted) write()
  }

  const watching: Promise<void>[] = []
  return {
    keep(name, kind, process) {
      // Runs before the teardown of the process itself, which it would otherwise start again.
      t.teardown(() => stop.abort())
      kept.set(name, { kind, process })
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
