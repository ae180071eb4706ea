import { randomUUID } from 'node:crypto'
import type { Channel, ChannelModel } from 'amqplib'
import type { LocalSignals } from '../local-signals.ts'
import { type OpenChannel, openChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import type { Topology } from './topology.ts'

/** Maximum number of signals that wait at the broker for one log instance. The oldest are dropped beyond it. */
const queueLength = 10_000

/** Sends signals without confirms. Drops a signal that would have to wait. */
export class SignalSender {
  readonly #connection: Connection
  readonly #topology: Topology
  #open: OpenChannel<Channel> | undefined
  #full = false

  constructor(connection: Connection, topology: Topology, signal: AbortSignal) {
    this.#connection = connection
    this.#topology = topology
    void connection.keep('signals out', signal, (model, up) => this.#attach(model, up))
  }

  send(json: string): void {
    if (this.#full || this.#connection.blocked !== undefined) return
    const options = { contentType: 'application/json', appId: 'rabble' }
    this.#open?.send((channel) => {
      // False means that this signal is buffered and the next one should not be; amqplib would buffer any number.
      this.#full = !channel.publish(this.#topology.names.signals, '', Buffer.from(json), options)
    })
  }

  async #attach(model: ChannelModel, up: () => void): Promise<void> {
    await this.#topology.declareSignals(model)
    const open = await openChannel(model)
    this.#full = false
    open.channel.on('drain', () => {
      this.#full = false
    })
    this.#open = open
    up()
    await open.lost
  }
}

/** Receives signals, in a queue that exists as long as this connection. */
export function receiveSignals(
  connection: Connection,
  topology: Topology,
  listeners: LocalSignals,
  signal: AbortSignal,
): void {
  const { signals } = topology.names
  void connection.keep('signals in', signal, async (model, up) => {
    await topology.declareSignals(model)
    const { channel, lost, fail } = await openChannel(model)
    // Uses a new name each time: after a lost connection the broker may still hold the old queue.
    const { queue } = await channel.assertQueue(`${signals}.${randomUUID()}`, {
      exclusive: true,
      autoDelete: true,
      durable: false,
      maxLength: queueLength,
      overflow: 'drop-head',
    })
    await channel.bindQueue(queue, signals, '')
    await channel.consume(
      queue,
      (message) => {
        if (message === null) fail(new Error('the queue of signals was deleted'))
        else listeners.deliver(message.content)
      },
      { noAck: true },
    )
    up()
    await lost
  })
}
