import { Deferred } from '@rabble/clock/deferred'
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { hasEnded } from './handshake.ts'

/** Channel of one kind. Its end can't be missed. */
export interface OpenChannel<Kind extends Channel> {
  channel: Kind
  /** Rejects with the reason once the channel is lost. */
  lost: Promise<never>
  /** Closes the channel; `lost` rejects with the reason. */
  fail(reason: Error): void
  /** Whether the channel is not known to be lost. */
  readonly alive: boolean
  /**
   * Sends something that has no reply. Returns false if the channel is lost. Never throws, but amqplib does on a channel that is
   * closed or about to be, even before it emits an event.
   */
  send(work: (channel: Kind) => void): boolean
}

/** Opens a channel. @throws Error if the connection is lost */
export function openChannel(model: ChannelModel): Promise<OpenChannel<Channel>> {
  return opened(model, model.createChannel())
}

/** Opens a channel with confirms of the broker. @throws Error if the connection is lost */
export function openConfirmChannel(model: ChannelModel): Promise<OpenChannel<ConfirmChannel>> {
  return opened(model, model.createConfirmChannel())
}

/**
 * Opens a channel. One read from the socket may contain both the reply that a channel is open and the end of its connection.
 * amqplib handles both before this function continues, so a listener for the channel's `close` would be too late.
 */
async function opened<Kind extends Channel>(
  model: ChannelModel,
  opening: Promise<Kind>,
): Promise<OpenChannel<Kind>> {
  const channel = await opening
  if (hasEnded(model)) throw new Error('the connection was closed while a channel was opened')
  return watch(channel)
}

function watch<Kind extends Channel>(channel: Kind): OpenChannel<Kind> {
  let alive = true
  let failure: Error | undefined
  const lost = new Deferred<never>()
  channel.on('error', (error: Error) => {
    failure = error
  })
  channel.on('close', () => {
    alive = false
    lost.reject(failure ?? new Error('channel closed'))
  })

  function fail(reason: Error): void {
    if (!alive) return
    alive = false
    lost.reject(reason)
    // Not awaited: it never settles if the connection dies before the broker has answered.
    channel.close().catch(() => {})
  }

  return {
    channel,
    lost: lost.promise,
    fail,
    get alive() {
      return alive
    },
    send(work) {
      if (!alive) return false
      try {
        work(channel)
        return true
      } catch (error) {
        fail(error as Error)
        return false
      }
    },
  }
}

/** Runs `work` on a separate channel, because a refusal closes its channel. */
export async function onChannel(model: ChannelModel, work: (channel: Channel) => Promise<unknown>) {
  const { channel, lost, fail } = await openChannel(model)
  await Promise.race([work(channel), lost])
  fail(new Error('done'))
}
