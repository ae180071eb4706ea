import type { Clock } from '@rabble/clock'
import type { ChannelModel, ConfirmChannel } from 'amqplib'
import type { Backlog } from '../backlog.ts'
import { tracesHeader } from '../batch-traces.ts'
import type { Logger } from '../event-log.ts'
import { PublishQueue } from '../publish-queue.ts'
import { type OpenChannel, openConfirmChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import type { Topology } from './topology.ts'

export interface PublisherOptions {
  connection: Connection
  topology: Topology
  partitions: number
  backlog: Backlog
  /** Minimum time (ms) between two batches of a partition. */
  spacing: number
  /** Called when the broker refuses a batch: only a reader of the partition can tell whether the log has it. */
  doubtful(partition: number): void
  logger: Logger | undefined
  clock: Clock
  signal: AbortSignal
}

/** Time (ms) without a refusal after which the next one is logged. */
const quiet = 10 * 60 * 1000

/** `mandatory`: the broker also confirms messages that no queue takes, and a log without its stream must be an error. */
const publishOptions = {
  mandatory: true,
  persistent: true,
  contentType: 'application/x-ndjson',
  appId: 'rabble',
}

/** Publishes the batches of all partitions over one channel with confirms. Each partition has its own queue. */
export class Publisher {
  /** Queues by partition. */
  readonly queues: PublishQueue[] = []
  readonly #options: PublisherOptions
  #open: OpenChannel<ConfirmChannel> | undefined
  /** Exchanges for which the broker returned the one unconfirmed batch: their confirm has no meaning. */
  #returned = new Set<string>()
  /** Time of the broker's last refusal. */
  #refusedAt = Number.NEGATIVE_INFINITY

  constructor(options: PublisherOptions) {
    const { connection, partitions, backlog, spacing, clock, signal } = options
    this.#options = options
    for (let partition = 0; partition < partitions; partition++) {
      const queue = new PublishQueue({
        clock,
        backlog,
        send: (batch, traces) => this.#send(partition, batch, traces),
        spacing,
        refuted(failure, events) {
          if (failure instanceof Refusal) backlog.observer.contradicted?.(events)
        },
        // A broker that reports that it is blocked doesn't hang, and would block the next connection as well.
        stuck: () => connection.blocked ?? connection.drop('the broker confirms nothing'),
      })
      this.queues.push(queue)
    }
    void connection.keep('log', signal, (model, up) => this.#attach(model, up))
  }

  /** Whether there is a channel to publish on. */
  get ready(): boolean {
    return this.#open?.alive === true
  }

  async #attach(model: ChannelModel, up: () => void): Promise<void> {
    for (let partition = 0; partition < this.queues.length; partition++) {
      await this.#options.topology.declareLog(model, partition)
    }
    const open = await openConfirmChannel(model)
    this.#returned = new Set()
    open.channel.on('return', (message) => this.#returned.add(message.fields.exchange))
    this.#open = open
    up()
    for (const queue of this.queues) queue.open()
    try {
      await open.lost
    } finally {
      this.#open = undefined
      for (const queue of this.queues) queue.shut()
    }
  }

  #send(partition: number, batch: Buffer, traces: string | undefined): Promise<void> {
    const options =
      traces === undefined ? publishOptions : { ...publishOptions, headers: { [tracesHeader]: traces } }
    const exchange = this.#options.topology.names.exchange(partition)
    return new Promise((resolve, reject) => {
      const open = this.#open
      if (open === undefined) return reject(new Error('not connected'))
      const answered = (error: Error | null) => {
        if (error !== null) {
          reject(isNack(error) ? this.#refusal(exchange) : error)
          if (isNack(error)) this.#options.doubtful(partition)
          return
        }
        if (!this.#returned.delete(exchange)) return resolve()
        const unroutable = new Error(`no stream is bound to ${exchange}`)
        reject(unroutable)
        // The next channel declares everything again.
        open.fail(unroutable)
      }
      // The result of publish is not needed: with one batch per partition in flight, little is buffered.
      const isSent = open.send((channel) => channel.publish(exchange, '', batch, options, answered))
      if (!isSent) reject(new Error('not connected'))
    })
  }

  /**
   * Returns the error for a message that the broker refused. The broker refuses for all queues of the exchange together if one of
   * them refuses, and doesn't say which.
   */
  #refusal(exchange: string): Refusal {
    const { clock, logger } = this.#options
    const now = clock.monotonic()
    if (now - this.#refusedAt > quiet) {
      const reason =
        'a queue that somebody has bound to this exchange is probably full and has x-overflow=reject-publish. ' +
        'Find it with `rabbitmqctl list_bindings`, then unbind it or let it drop its oldest messages'
      logger?.warn({ exchange, reason }, 'RabbitMQ refuses messages that the log itself may have taken')
    }
    this.#refusedAt = now
    return new Refusal(`the broker refused a message for ${exchange}`)
  }
}

/** Negative acknowledgement of the broker. */
class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** Whether the error is a negative acknowledgement. amqplib (2.3.1) marks it only by its message. */
function isNack(error: Error): boolean {
  return error.message === 'message nacked'
}
