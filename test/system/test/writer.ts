import { setTimeout as sleep } from 'node:timers/promises'
import { type ChatClient, ReplyError, type TestContext } from '@rabble/harness'

export interface Writer {
  /** Ids that were answered with `sent`, in that order. */
  readonly acknowledged: string[]
  /** How often a send was answered with `unavailable`. */
  readonly refused: number
  /** Sends no new messages; resolves when the one under way is acknowledged. */
  stop(): Promise<void>
}

/**
 * Writes to a room without a pause, one message after the other, and sends each again under the same cid until it is
 * acknowledged. Its connection must last: `startSteadyClient` comes back.
 */
export function startWriter(t: TestContext, name: string, room: string, client: ChatClient): Writer {
  const acknowledged: string[] = []
  let refused = 0
  let stopped = false
  let gaveUp = false

  t.teardown(() => {
    stopped = true
    gaveUp = true
  })

  async function deliver(cid: string): Promise<void> {
    while (!gaveUp) {
      try {
        const { id } = await client.send(room, cid, { cid })
        acknowledged.push(id)
        return
      } catch (error) {
        if (!(error instanceof ReplyError) || error.code !== 'unavailable') throw error
        refused++
        await sleep(50)
      }
    }
  }

  const work = (async () => {
    for (let n = 0; !stopped; n++) await deliver(`${name} ${n}`)
  })()
  // An error is told by `stop`.
  work.catch(() => {})

  return {
    acknowledged,
    get refused() {
      return refused
    },
    async stop() {
      stopped = true
      await work
    },
  }
}
