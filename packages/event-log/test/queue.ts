import { setImmediate as turn } from 'node:timers/promises'
import { createManualClock } from '@rabble/clock/manual'
import { Backlog } from '../src/backlog.ts'
import { defaultPublishLimits, type LogObserver, type PublishLimits } from '../src/event-log.ts'
import { PublishQueue } from '../src/publish-queue.ts'

export interface Sent {
  batch: Buffer
  traces: string | undefined
  ids: string[]
  confirm(): void
  fail(): void
}

/** Longest pause (ms) between two attempts. */
export const longestPause = 1000

/** Creates a queue, and records the batches that it sent and their results. */
export function buildQueue(
  limits: Partial<PublishLimits> = {},
  observer: LogObserver = {},
  options: { spacing?: number } = {},
) {
  const sent: Sent[] = []
  const refuted: unknown[] = []
  let stuck = 0
  const clock = createManualClock()
  const backlog = new Backlog({ ...defaultPublishLimits, publishTimeout: 60_000, ...limits }, observer)
  const queue = new PublishQueue({
    ...options,
    clock,
    backlog,
    send: (batch, traces) =>
      new Promise((resolve, reject) => {
        const ids = [...batch.toString().matchAll(/"id":"([^"]*)"/g)].map((match) => match[1] ?? '')
        sent.push({ batch, traces, ids, confirm: resolve, fail: () => reject(new Error('lost')) })
      }),
    refuted: (failure, events) => refuted.push([(failure as Error).message, events]),
    stuck: () => stuck++,
  })
  async function nth(n: number): Promise<Sent> {
    for (let turns = 0; turns < 100 && sent.length <= n; turns++) await turn()
    const found = sent[n]
    if (found === undefined) throw new Error(`only ${sent.length} batches were sent`)
    return found
  }
  return { queue, sent, nth, refuted, backlog, clock, stuck: () => stuck }
}
