import { connectChat, type TestContext } from '@rabble/harness'
import { type Percentiles, percentilesOf } from '../latency.ts'

/** Interval (ms) of the messages. */
const every = 50

/** Latencies in milliseconds. */
export interface Latency extends Percentiles {
  messages: number
}

/** Connects two users over different gateways. During the work, one sends messages at an interval and the other gets them. */
export async function startProbe(
  t: TestContext,
  { from, to, room }: { from: string; to: string; room: string },
): Promise<{ during(work: () => Promise<unknown>): Promise<Latency> }> {
  const speaker = await connectChat(t, from, { name: 'speaker' })
  const listener = await connectChat(t, to, { name: 'listener', timeout: 60_000 })
  await speaker.join(room, { recent: 0 })
  await listener.join(room, { recent: 0 })
  let number = 0
  return {
    async during(work) {
      const latencies: Promise<number>[] = []
      const timer = setInterval(() => {
        const text = `probe ${++number}`
        const sentAt = performance.now()
        void speaker.send(room, text).catch(() => {})
        const heard = listener.waitFor((frame) => frame.type === 'message' && frame.text === text, 60_000)
        latencies.push(heard.then(() => performance.now() - sentAt))
      }, every)
      try {
        await work()
      } finally {
        clearInterval(timer)
      }
      const times = await Promise.all(latencies)
      return { messages: times.length, ...percentilesOf(times) }
    },
  }
}
