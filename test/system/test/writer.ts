import { setTimeout as sleep } from 'node:timers/promises'
import { type ChatClient, ReplyError, type TestContext } from '@rabble/harness'

export interface Writer {
  /** Ids in the `sent` replies, in their order. */
  readonly acknowledged: string[]
  /** Number of sends that were answered with `unavailable`. */
  readonly refused: number
  /** Stops sending. Resolves when the message under way is acknowledged. */
  stop(): Promise<void>
}

/**
 * Sends messages to a room one after the other without a pause, and repeats each with the same cid until it is acknowledged.
 * It doesn't reconnect. `startSteadyClient` does.
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
  // `stop` reports an error.
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
