import type { Clock } from '@rabble/clock'
import { errorCodes, RabbleError } from '@rabble/contract'
import type { ChannelModel, ConfirmChannel, ConsumeMessage, MessageProperties } from 'amqplib'
import type { Logger } from '../event-log.ts'
import type { DoTask, WorkObserver, WorkQueue } from '../work-queue.ts'
import { type OpenChannel, openConfirmChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import type { Topology } from './topology.ts'

/** Tasks under way. The log takes what comes while it confirms as one batch, so more would make it no faster. */
const prefetch = 64
/** Milliseconds, on average, after which who waits for the queue looks again whether it is free. */
const lookAgainAfter = 1000
/** Milliseconds that each step of closing may take: to end the tasks under way, for one. */
const closeTimeout = 2000
/** Characters of a reason, which is a header. */
const reasonLength = 500

export interface WorkQueueOptions {
  /** `notify` for the queue `<prefix>.notify`. */
  name: string
  /** Of its own: what is set aside is published, and a broker that is short of memory stops reading who publishes. */
  connection: Connection
  topology: Topology
  work: DoTask
  /** Whether tasks can be done now. While they can't, the queue is left to others. */
  ready(): boolean
  observer: WorkObserver
  logger: Logger | undefined
  clock: Clock
  /** Ends the connection. */
  stop: AbortController
}

/** Takes tasks from a queue, whenever no other process does. */
export function takeWork(options: WorkQueueOptions): WorkQueue {
  const { name, connection, topology, observer, logger, clock, stop } = options
  const detach = new AbortController()
  const { signal } = detach
  const queue = topology.names.work(name)
  const rejected = topology.names.rejected(name)
  let current: OpenChannel<ConfirmChannel> | undefined
  let underWay = 0
  let closing = false
  let ended: () => void = () => {}

  async function attach(model: ChannelModel, up: () => void): Promise<void> {
    await topology.declareWork(model, name)
    const open = await openConfirmChannel(model)
    current = open
    // Only what is set aside is published here, so it is the queue for that which is gone; declared again next time.
    open.channel.on('return', () => open.fail(new Error(`there is no queue ${rejected}`)))
    try {
      await open.channel.prefetch(prefetch)
      await free(open, up)
      await Promise.race([
        open.channel.consume(queue, (message) => receive(open, message), { exclusive: true }),
        open.lost,
      ])
      observer.active?.(true)
      await open.lost
    } catch (error) {
      // Two have seen that it was free, and the other one was first: no failure, but a reason to wait again.
      if (!isOccupied(error)) throw error
    } finally {
      observer.active?.(false)
      open.fail(new Error('given up'))
    }
  }

  /**
   * Waits until nobody takes from the queue. Not `x-single-active-consumer`, for which the broker would do the waiting:
   * it is an argument of the queue, and any producer that declares the queue without it would be refused.
   */
  async function free(open: OpenChannel<ConfirmChannel>, up: () => void): Promise<void> {
    let isUp = false
    for (;;) {
      if (options.ready()) {
        if (!isUp) up()
        isUp = true
        const { consumerCount } = await Promise.race([open.channel.checkQueue(queue), open.lost])
        if (consumerCount === 0) return
      }
      const moment = clock.sleep(lookAgainAfter * (0.5 + Math.random()), { signal })
      await Promise.race([moment, open.lost])
      signal.throwIfAborted()
    }
  }

  function receive(open: OpenChannel<ConfirmChannel>, message: ConsumeMessage | null): void {
    if (message === null) {
      open.fail(new Error(`the queue ${queue} was deleted`))
      return
    }
    // Not acknowledged, these go back to their places in the queue when the channel is closed.
    if (closing || !open.alive) return
    if (message.fields.redelivered) observer.redelivered?.()
    underWay++
    settle(open, message)
      // What isn't done yet comes again as well, so that nothing overtakes it.
      .catch((error: Error) => open.fail(error))
      .finally(() => {
        underWay--
        if (underWay === 0) ended()
      })
  }

  async function settle(open: OpenChannel<ConfirmChannel>, message: ConsumeMessage): Promise<void> {
    try {
      const { messageId } = message.properties
      await options.work({ body: message.content, messageId: messageId as string | undefined })
    } catch (error) {
      if (error instanceof RabbleError && errorCodes[error.code].retry) throw error
      await setAside(open, message, reasonOf(error))
    }
    open.send((channel) => channel.ack(message))
  }

  function reasonOf(error: unknown): string {
    if (error instanceof RabbleError) return `${error.code}: ${error.message}`.slice(0, reasonLength)
    // To be tried again and again, it would keep all others from being done.
    logger?.error({ queue, err: error }, 'a task failed and is set aside')
    return 'internal-error: something went wrong here'
  }

  function setAside(
    open: OpenChannel<ConfirmChannel>,
    message: ConsumeMessage,
    reason: string,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const properties = { ...kept(message.properties), headers: { 'x-rabble-reason': reason } }
      const options = { mandatory: true, persistent: true, ...properties }
      const sent = open.send((channel) => {
        channel.publish('', rejected, message.content, options, (error: Error | null) => {
          if (error !== null) return reject(error)
          observer.setAside?.()
          resolve()
        })
      })
      if (!sent) reject(new Error('channel closed'))
    })
  }

  /** Resolves when something is over, failed or not, and after a while in any case. */
  async function inTime(step: Promise<unknown>): Promise<void> {
    await Promise.race([step, clock.sleep(closeTimeout, { ref: false })]).catch(() => {})
  }

  const attached = connection.keep(`queue ${name}`, signal, attach)

  return {
    async close() {
      closing = true
      if (underWay > 0) {
        const idle = new Promise<void>((resolve) => {
          ended = resolve
        })
        await inTime(idle)
      }
      detach.abort()
      // Before the connection: its own goodbye may overtake the last acknowledgements, which are on a channel.
      if (current?.alive) await inTime(current.channel.close())
      stop.abort()
      await inTime(Promise.all([attached, connection.closed]))
    },
  }
}

/**
 * The properties by which a producer knows its message again, and no others: for a `user_id` that isn't ours the broker
 * would close the channel, each time anew; by an `expiration` the message would soon be gone; a header `CC` would spread it.
 */
function kept(properties: MessageProperties): Record<string, string> {
  const { messageId, correlationId, contentType, type, appId } = properties
  return Object.fromEntries(
    Object.entries({ messageId, correlationId, contentType, type, appId }).filter(
      // What was no UTF-8 is longer now, perhaps longer than a property can be.
      ([, value]) => typeof value === 'string' && Buffer.byteLength(value) <= 255,
    ),
  )
}

function isOccupied(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === 403 && /exclusive use/.test(error.message)
  )
}
