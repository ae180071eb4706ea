import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { hasEnded } from './handshake.ts'

/** A channel of one kind, with an end that can't be missed. */
export interface OpenChannel<Kind extends Channel> {
  channel: Kind
  /** Rejects with the reason once the channel is lost. */
  lost: Promise<never>
  /** Gives the channel up; `lost` rejects with the reason. */
  fail(reason: Error): void
  /** False once it is known to be lost. */
  readonly alive: boolean
  /**
   * Sends something that has no reply. Returns false if the channel is lost. Never throws: on a channel that is closed or
   * about to be, amqplib does, also before it has told of that by an event.
   */
  send(work: (channel: Kind) => void): boolean
}

/** Opens a channel. @throws Error if the connection is lost */
export function openChannel(model: ChannelModel): Promise<OpenChannel<Channel>> {
  return opened(model, model.createChannel())
}

/** Opens a channel on which the broker confirms what it takes. @throws Error if the connection is lost */
export function openConfirmChannel(model: ChannelModel): Promise<OpenChannel<ConfirmChannel>> {
  return opened(model, model.createConfirmChannel())
}

/**
 * One read from the socket may bring both the reply that a channel is open and the end of its connection. amqplib handles
 * both before this goes on, so the channel's `close` was emitted already, and would not be heard.
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
  let reject: (reason: Error) => void = () => {}
  const lost = new Promise<never>((_, rejectLost) => {
    reject = rejectLost
  })
  // A caller that doesn't wait for it must not end the process by that.
  lost.catch(() => {})
  channel.on('error', (error: Error) => {
    failure = error
  })
  channel.on('close', () => {
    alive = false
    reject(failure ?? new Error('channel closed'))
  })

  function fail(reason: Error): void {
    if (!alive) return
    alive = false
    reject(reason)
    // Not awaited: it never settles if the connection dies before the broker has answered.
    channel.close().catch(() => {})
  }

  return {
    channel,
    lost,
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

/** Runs `work` on a channel of its own, because a refusal closes the channel that asked. */
export async function onChannel(model: ChannelModel, work: (channel: Channel) => Promise<unknown>) {
  const { channel, lost, fail } = await openChannel(model)
  await Promise.race([work(channel), lost])
  fail(new Error('done'))
}
