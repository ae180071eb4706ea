import type { Clock } from '@rabble/clock'
import type { ChannelModel, ConfirmChannel } from 'amqplib'
import type { Backlog } from '../backlog.ts'
import { PublishQueue } from '../publish-queue.ts'
import { type OpenChannel, watch } from './channel.ts'
import type { Connection } from './connection.ts'
import type { Topology } from './topology.ts'

export interface PublisherOptions {
  connection: Connection
  topology: Topology
  partitions: number
  backlog: Backlog
  clock: Clock
  signal: AbortSignal
}

/** `mandatory`: the broker confirms what no queue takes as well, and a log without its stream must be an error. */
const publishOptions = {
  mandatory: true,
  persistent: true,
  contentType: 'application/x-ndjson',
  appId: 'rabble',
}

/** Publishes the batches of all partitions over one channel with confirms; each partition has its own queue. */
export class Publisher {
  /** By partition. */
  readonly queues: PublishQueue[] = []
  readonly #topology: Topology
  #open: OpenChannel<ConfirmChannel> | undefined
  /** Exchanges of which the broker returned the one batch that is unconfirmed: their confirm is worth nothing. */
  #returned = new Set<string>()

  constructor(options: PublisherOptions) {
    const { connection, topology, partitions, backlog, clock, signal } = options
    this.#topology = topology
    for (let partition = 0; partition < partitions; partition++) {
      const exchange = topology.names.exchange(partition)
      const queue = new PublishQueue({
        clock,
        backlog,
        send: (batch) => this.#send(exchange, batch),
        // A broker that says it is blocked doesn't hang, and would block the next connection as well.
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
      await this.#topology.declareLog(model, partition)
    }
    const open = watch(await model.createConfirmChannel())
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

  #send(exchange: string, batch: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const open = this.#open
      if (open === undefined || !open.alive) throw new Error('not connected')
      // What it returns is of no interest: with one batch a partition on the way, little is buffered.
      open.channel.publish(exchange, '', batch, publishOptions, (error: Error | null) => {
        if (error !== null) return reject(error)
        if (!this.#returned.delete(exchange)) return resolve()
        const unroutable = new Error(`no stream is bound to ${exchange}`)
        reject(unroutable)
        // The next channel begins with declaring everything again.
        open.fail(unroutable)
      })
    })
  }
}
