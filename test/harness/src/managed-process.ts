import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { createOutputTail } from './output-tail.ts'
import type { SystemUser } from './private-folder.ts'
import { freezeTree, isRunning, signalGroup, signalTree } from './process-tree.ts'
import { belongsToThisProcess } from './reaper.ts'
import type { TestContext } from './test-context.ts'
import { until } from './until.ts'

/** Command of a process, and a check of its readiness. Times are in milliseconds. */
export interface Launch {
  name: string
  command: string
  args: readonly string[]
  /** Whole environment of the process, except PATH. */
  env: Readonly<Record<string, string>>
  cwd?: string
  user?: SystemUser | undefined
  /** Signal for an orderly shutdown. Default: SIGTERM. */
  stopSignal?: NodeJS.Signals
  stopTimeout?: number
  readyTimeout?: number
  isReady(): Promise<boolean>
}

/** A process that a test may kill, freeze and restart. */
export interface ManagedProcess {
  readonly name: string
  /** Id of the process that runs now, or ran last. */
  readonly pid: number
  readonly running: boolean
  /** Sends SIGKILL to the process and all its descendants. Resolves when none is left. */
  kill(): Promise<void>
  /** Sends SIGSTOP likewise, and waits until all threads have stopped: the process keeps its connections and answers nothing. */
  freeze(): void
  thaw(): void
  /** Stops the process. Resolves with its exit code, `null` if a signal ended it. Rejects if it had to be killed. */
  stop(): Promise<number | null>
  /** Starts the process again with the same settings, after stopping it if it runs. Resolves when it is ready. */
  restart(): Promise<void>
  /** Returns the end of its output, over all restarts. */
  logs(): string
  /** Calls `listener` with the end of its output so far, and with all that follows. */
  copyLogs(listener: (chunk: Buffer) => void): void
}

/** Pause (ms) between two looks whether a process that was started is ready. */
export const readyPause = 60

/** Processes of this test process that have not ended yet: id → name. */
export const openProcesses = new Map<number, string>()

/** Starts a process and resolves when it is ready. The process is killed at teardown, or when this process dies. */
export async function startProcess(t: TestContext, launch: Launch): Promise<ManagedProcess> {
  const output = createOutputTail()
  let child: ChildProcess | undefined
  let ended: Promise<number | null> = Promise.resolve(null)

  const running = () => child !== undefined && child.exitCode === null && child.signalCode === null

  async function start(): Promise<void> {
    const environment = Object.entries({ PATH: process.env.PATH ?? '', ...launch.env })
    // Started through env(1), which becomes the command: tap's runner adds variables to each process that Node starts, and
    // with them a service would run under tap's loader.
    const args = [
      '-i',
      ...environment.map(([name, value]) => `${name}=${value}`),
      launch.command,
      ...launch.args,
    ]
    child = spawn('/usr/bin/env', args, {
      cwd: launch.cwd ?? '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      // Out of reach of the Ctrl-C that ends the tests: the harness stops each process.
      detached: true,
      ...launch.user,
    })
    if (child.pid === undefined) {
      const [error] = await once(child, 'error')
      throw new Error(`could not start ${launch.name}`, { cause: error })
    }
    ended = follow(child, child.pid)
    try {
      await until(
        async () => !running() || (await launch.isReady()),
        launch.readyTimeout ?? 120_000,
        `${launch.name} to be ready`,
        readyPause,
      )
      if (!running()) throw new Error(`${launch.name} ended before it was ready`)
    } catch (error) {
      await kill()
      // Its last output may arrive after its `exit` event.
      await ended
      const { message, cause } = error as Error
      throw new Error(`${message}; its last output:\n${lastLines(output.text(), 30)}`, { cause })
    }
  }

  async function follow(started: ChildProcess, pid: number): Promise<number | null> {
    const forget = belongsToThisProcess({ pid })
    openProcesses.set(pid, launch.name)
    output.note(`${launch.name} is process ${pid}`)
    for (const stream of [started.stdout, started.stderr]) if (stream) output.follow(stream)
    const closed = once(started, 'close')
    const [code, signal] = await once(started, 'exit')
    // Some workers, such as Nginx's, outlive their parent if it is killed alone, and keep its port.
    signalGroup(pid, 'SIGKILL')
    openProcesses.delete(pid)
    forget()
    // Its last output may still be in the pipe, but a grandchild may keep the pipe open indefinitely.
    await Promise.race([closed, delay(5_000)])
    output.note(`${launch.name}, process ${pid}, ended with ${signal ?? code}`)
    return code
  }

  async function kill(): Promise<void> {
    if (!running()) return
    const killed = signalTree(managed.pid, 'SIGKILL')
    await ended
    await until(() => !killed.some(isRunning), 60_000, `${launch.name} and its children to be gone`)
  }

  async function stop(): Promise<number | null> {
    if (!running()) return ended
    managed.thaw()
    child?.kill(launch.stopSignal ?? 'SIGTERM')
    const timeout = launch.stopTimeout ?? 60_000
    const timer = new AbortController()
    const late = delay(timeout, 'late' as const, { signal: timer.signal }).catch(() => null)
    const outcome = await Promise.race([ended, late])
    timer.abort()
    if (outcome !== 'late') return outcome
    await kill()
    throw new Error(`${launch.name} did not end within ${timeout} ms after ${launch.stopSignal ?? 'SIGTERM'}`)
  }

  const managed: ManagedProcess = {
    name: launch.name,
    get pid() {
      return child?.pid ?? -1
    },
    get running() {
      return running()
    },
    kill,
    freeze: () => void (running() && freezeTree(managed.pid)),
    thaw: () => void (running() && signalTree(managed.pid, 'SIGCONT')),
    stop,
    async restart() {
      if (running()) await stop()
      await start()
    },
    logs: output.text,
    copyLogs: output.copy,
  }

  t.teardown(async () => {
    await kill()
    if (!t.passing()) t.comment(`${launch.name} wrote:\n${lastLines(output.text(), 40)}`)
  })
  await start()
  return managed
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
