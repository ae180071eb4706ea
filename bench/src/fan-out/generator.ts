import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TestContext } from '@rabble/harness'

/** Rooms full of members, some of which send a message again as soon as their last one is acknowledged. */
export interface Load {
  port: number
  rooms: number
  members: number
  /** Of each room. */
  senders: number
}

/** What all members together have got so far. */
export interface Counts {
  delivered: number
  sent: number
}

/** What the generator's process tells. */
export type GeneratorMessage = { ready: true } | { failed: string } | Counts

export interface Generator {
  readonly pid: number
  counts(): Promise<Counts>
  stop(): Promise<void>
}

/** Starts the members in a process of their own. Resolves once all are in their rooms and the senders have begun. */
export async function startGenerator(t: TestContext, load: Load): Promise<Generator> {
  const child = fork(fileURLToPath(new URL('./generator-main.js', import.meta.url)))
  t.teardown(() => child.kill('SIGKILL'))
  child.send(load)
  await answer(child)
  return {
    pid: child.pid ?? -1,
    async counts() {
      child.send('counts')
      return (await answer(child)) as Counts
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** @throws Error if it failed, ended, or took more than a minute */
async function answer(child: ChildProcess): Promise<GeneratorMessage> {
  const done = new AbortController()
  const { signal } = done
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('the generator has ended')
  })
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(60_000)])
  try {
    const told = once(child, 'message', { signal: timeout })
    const [message] = (await Promise.race([told, ended])) as [GeneratorMessage]
    if ('failed' in message) throw new Error(`a member failed: ${message.failed}`)
    return message
  } finally {
    done.abort()
    ended.catch(() => {})
  }
}
