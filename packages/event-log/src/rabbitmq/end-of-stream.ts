import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import type { ChannelModel } from 'amqplib'
import { onChannel } from './channel.ts'

/** Time limit (ms). A broker that is not busy delivers within a few. */
const timeout = 10_000
/** Maximum number of deliveries. The last chunk of a stream has fewer; each batch counts as one. */
const prefetch = 10_000

/**
 * Returns the offset of the last batch of a stream. Undefined if the broker delivers none in time: the stream is empty, or the
 * broker or this process is too busy.
 */
export async function endOf(model: ChannelModel, stream: string, clock: Clock): Promise<number | undefined> {
  let end: number | undefined
  await onChannel(model, async (channel) => {
    await channel.prefetch(prefetch)
    const delivered = new Deferred<void>()
    await channel.consume(
      stream,
      (message) => {
        const offset: unknown = message?.properties.headers?.['x-stream-offset']
        if (typeof offset === 'number') end = offset
        delivered.resolve()
      },
      // Starts at the last chunk, which begins before the last batch.
      { arguments: { 'x-stream-offset': 'last' } },
    )
    const enough = new AbortController()
    await Promise.race([delivered.promise, clock.sleep(timeout, { ref: false, signal: enough.signal })])
    enough.abort()
    // The broker's channel delivers the whole chunk before it answers another request.
    if (end !== undefined) await channel.checkQueue(stream)
  })
  return end
}
