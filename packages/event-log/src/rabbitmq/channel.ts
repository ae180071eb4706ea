import type { Channel, ChannelModel } from 'amqplib'

/** A channel of one kind, with an end that can't be missed. */
export interface OpenChannel<Kind extends Channel> {
  channel: Kind
  /** Rejects with the reason once the channel is lost. */
  lost: Promise<never>
  /** Gives the channel up; `lost` rejects with the reason. */
  fail(reason: Error): void
  /** False once it is lost: calls would throw. */
  readonly alive: boolean
}

/** Watches over a channel that was just opened. */
export function watch<Kind extends Channel>(channel: Kind): OpenChannel<Kind> {
  let alive = true
  let failure: Error | undefined
  let reject: (reason: Error) => void = () => {}
  const lost = new Promise<never>((_, rejectLost) => {
    reject = rejectLost
  })
  // Whoever doesn't wait for it is not to end the process by that.
  lost.catch(() => {})
  channel.on('error', (error: Error) => {
    failure = error
  })
  channel.on('close', () => {
    alive = false
    reject(failure ?? new Error('channel closed'))
  })
  return {
    channel,
    lost,
    fail(reason) {
      if (!alive) return
      alive = false
      reject(reason)
      // Not awaited: it never settles if the connection dies before the broker has answered.
      channel.close().catch(() => {})
    },
    get alive() {
      return alive
    },
  }
}

/** Runs `work` on a channel of its own, because a refusal closes the channel that asked. */
export async function onChannel(model: ChannelModel, work: (channel: Channel) => Promise<unknown>) {
  const { channel, lost, fail } = watch(await model.createChannel())
  await Promise.race([work(channel), lost])
  fail(new Error('done'))
}
