import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { inTime } from '@rabble/clock/race'
import { errorCodes, RabbleError } from '@rabble/contract'
import type { ChannelModel, ConfirmChannel, ConsumeMessage, MessageProperties } from 'amqplib'
import type { Logger } from '../event-log.ts'
import type { DoTask, WorkObserver, WorkQueue } from '../work-queue.ts'
import { type OpenChannel, openConfirmChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import type { Topology } from './topology.ts'

/**
 * Maximum number of tasks in progress. The log publishes events that arrive during a confirm as one batch, so more tasks would
 * not be faster.
 */
const prefetch = 64
/** Average time (ms) between checks whether the queue is free. */
const lookAgainAfter = 1000
/** Time limit (ms) of each step of closing, such as the end of tasks in progress. */
const closeTimeout = 2000
/** Maximum length (characters) of a reason, which is a header. */
const reasonLength = 500

export interface WorkQueueOptions {
  /** Short name: `notify` for the queue `<prefix>.notify`. */
  name: string
  /**
   * Connection of the queue alone: it publishes tasks that are set aside, and a broker that is short of memory stops reading from
   * connections that publish.
   */
  connection: Connection
  topology: Topology
  work: DoTask
  /** Whether tasks can be done now. If not, the queue is left to other processes. */
  ready(): boolean
  observer: WorkObserver
  logger: Logger | undefined
  clock: Clock
  /** Ends the connection. */
  stop: AbortController
}

/** Takes tasks from a queue while no other process does. */
export function takeWork(options: WorkQueueOptions): WorkQueue {
  const { name, connection, topology, observer, logger, clock, stop } = options
  const detach = new AbortController()
  const { signal } = detach
  const queue = topology.names.work(name)
  const rejected = topology.names.rejected(name)
  let current: OpenChannel<ConfirmChannel> | undefined
  let underWay = 0
  let closing = false
  const idle = new Deferred<void>()

  async function attach(model: ChannelModel, up: () => void): Promise<void> {
    await topology.declareWork(model, name)
    const open = await openConfirmChannel(model)
    current = open
    // Only tasks that are set aside are published here, so their queue is missing. The next attempt declares it again.
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
      // Another process was faster. That is not a failure: it waits again.
      if (!isOccupied(error)) throw error
    } finally {
      observer.active?.(false)
      open.fail(new Error('the channel was closed'))
    }
  }

  /**
   * Waits until the queue has no consumer. `x-single-active-consumer`, with which the broker would wait, is not used: it is an
   * argument of the queue, and the broker would refuse producers that declare the queue without it.
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
    // Unacknowledged tasks return to their places in the queue when the channel is closed.
    if (closing || !open.alive) return
    if (message.fields.redelivered) observer.redelivered?.()
    underWay++
    settle(open, message)
      // The unfinished tasks are redelivered as well, so that none overtakes this one.
      .catch((error: Error) => open.fail(error))
      .finally(() => {
        underWay--
        if (closing && underWay === 0) idle.resolve()
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
    // Retries would block all other tasks.
    logger?.error({ queue, err: error }, 'a task failed and was put into the queue of rejected ones')
    return 'internal-error: an unexpected error occurred'
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

  /** Waits for a step of closing, until it succeeds, fails or exceeds its time limit. */
  async function finish(step: Promise<unknown>): Promise<void> {
    await inTime(step, closeTimeout, clock).catch(() => {})
  }

  const attached = connection.keep(`queue ${name}`, signal, attach)

  return {
    async close() {
      closing = true
      if (underWay > 0) await finish(idle.promise)
      detach.abort()
      // Closes the channel first: the end of the connection may overtake the last acknowledgements, which are on a channel.
      if (current?.alive) await finish(current.channel.close())
      stop.abort()
      await finish(Promise.all([attached, connection.closed]))
    },
  }
}

/**
 * Returns the properties by which a producer recognises its message, and no others. A `user_id` that isn't ours would close the
 * channel each time; an `expiration` would soon remove the message; a header `CC` would copy it to other queues.
 */
function kept(properties: MessageProperties): Record<string, string> {
  const { messageId, correlationId, contentType, type, appId } = properties
  return Object.fromEntries(
    Object.entries({ messageId, correlationId, contentType, type, appId }).filter(
      // Invalid UTF-8 becomes longer when it is decoded, perhaps longer than a property can be.
      ([, value]) => typeof value === 'string' && Buffer.byteLength(value) <= 255,
    ),
  )
}

function isOccupied(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === 403 && /exclusive use/.test(error.message)
  )
}
