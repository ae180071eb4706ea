import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TestContext } from '@rabble/harness'
import type { TransportName } from './transports.ts'

/** Rooms with members. Each sender sends its next message as soon as the last one is acknowledged. */
export interface Load {
  port: number
  transport: TransportName
  /** The transport of those who send, if that is another one. */
  sendersTransport?: TransportName | undefined
  rooms: number
  members: number
  /** Number of senders in each room. */
  senders: number
}

/** Number of messages, over all members, so far. */
export interface Counts {
  delivered: number
  /** Number of bytes that arrived, over all members. */
  bytes: number
  sent: number
}

/** A message from the generator's process. */
export type GeneratorMessage = { ready: true } | { failed: string } | Counts

export interface Generator {
  readonly pid: number
  counts(): Promise<Counts>
  stop(): Promise<void>
}

/** Starts the members in a separate process. Resolves once all have joined their rooms and the senders have begun. */
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

/** Waits for the next message. @throws Error if a member failed, the process ended, or a minute has passed */
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
