import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TestContext } from '@rabble/harness'
import type { Answer, Check, Counts, Load, Order } from './load.ts'

/** Time limit (ms) for each answer. */
const timeout = 180_000

/** Process with all members of a measurement. */
export class Generator {
  readonly #child: ChildProcess

  constructor(t: TestContext) {
    this.#child = fork(fileURLToPath(new URL('./generator-main.js', import.meta.url)))
    t.teardown(() => this.#child.kill('SIGKILL'))
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Connects all members. Resolves with the time that it took. */
  async connect(load: Load): Promise<{ seconds: number }> {
    return (await this.#ask({ connect: load }, 'connected')).connected
  }

  /** Lets the senders begin. */
  async start(): Promise<void> {
    await this.#ask('start', 'started')
  }

  async counts(): Promise<Counts> {
    return (await this.#ask('count', 'counts')).counts
  }

  /** Lets the senders stop, and checks what all members have received. */
  async finish(): Promise<Check> {
    return (await this.#ask('finish', 'check')).check
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  /** @throws Error if a member failed, the process has ended, or the time is over */
  async #ask<Key extends string>(order: Order, key: Key): Promise<Extract<Answer, Record<Key, unknown>>> {
    const done = new AbortController()
    const signal = AbortSignal.any([done.signal, AbortSignal.timeout(timeout)])
    const ended = once(this.#child, 'exit', { signal }).then(() => {
      throw new Error('the generator has ended')
    })
    ended.catch(() => {})
    try {
      const told = once(this.#child, 'message', { signal })
      this.#child.send(order)
      const [answer] = (await Promise.race([told, ended])) as [Answer]
      if ('failed' in answer) throw new Error(`a member failed: ${answer.failed}`)
      if (!(key in answer)) throw new Error(`an unexpected answer: ${JSON.stringify(answer)}`)
      return answer as Extract<Answer, Record<Key, unknown>>
    } finally {
      done.abort()
    }
  }
}
