import type { Clock } from '@rabble/clock'
import type { ChannelModel } from 'amqplib'
import type { Logger } from '../event-log.ts'
import { LastingFailure } from '../outage.ts'
import type { Retention } from '../retention.ts'
import { onChannel } from './channel.ts'

/** Names with one prefix. Each partition has an exchange and a stream. */
export interface Names {
  signals: string
  exchange(partition: number): string
  stream(partition: number): string
  /** Queue of tasks, and the exchange of the same name before it. */
  work(name: string): string
  /** Queue of tasks that were set aside. */
  rejected(name: string): string
}

export function namesOf(prefix: string): Names {
  return {
    signals: `${prefix}.signals`,
    // Partition 0 has no number: with one partition, the usual case, the exchange is simply `rabble.events`.
    exchange: (partition) => (partition === 0 ? `${prefix}.events` : `${prefix}.events.${partition}`),
    stream: (partition) => `${prefix}.log.${partition}`,
    work: (name) => `${prefix}.${name}`,
    rejected: (name) => `${prefix}.${name}.rejected`,
  }
}

/** Declares the exchanges and queues of the log. Repeated after each reconnect, since a broker may come back empty. */
export interface Topology {
  names: Names
  declareLog(model: ChannelModel, partition: number): Promise<void>
  /** Returns the failure of a broker that ends the connection whenever it reads a stream. */
  unreadable(partition: number): LastingFailure
  declareSignals(model: ChannelModel): Promise<void>
  /**
   * Declares the queue of tasks `name`, the one for tasks that are set aside, and an exchange through which a program can put tasks
   * into the queue without a permission for the default exchange, which would be one for all queues.
   */
  declareWork(model: ChannelModel, name: string): Promise<void>
}

/** Limits of tasks that are set aside for operators: their number, size and age. */
const rejectedArguments = {
  'x-max-length': 10_000,
  'x-max-length-bytes': 64 * 1024 * 1024,
  'x-message-ttl': 7 * 24 * 60 * 60 * 1000,
}

/**
 * Time (ms) after which a stream without a leader is reported as lost. While a broker starts, or after a node failed, the
 * election takes seconds.
 */
const electionTime = 5_000

export interface TopologyOptions {
  prefix: string
  /** Name of the virtual host, for the commands shown to operators. */
  virtualHost: string
  retention: Retention
  clock: Clock
  logger: Logger | undefined
}

export function topologyOf(options: TopologyOptions): Topology {
  const { prefix, virtualHost, retention, clock, logger } = options
  const names = namesOf(prefix)
  const warned = new Set<string>()
  /** Time by stream (monotonic clock) since which the broker has reported that the stream exists and can't be reached. */
  const leaderless = new Map<string, number>()
  const streamArguments = {
    'x-queue-type': 'stream',
    'x-max-age': `${Math.ceil(retention.maxAge / 1000)}s`,
    'x-max-length-bytes': retention.maxBytes,
    'x-stream-max-segment-size-bytes': retention.segmentBytes,
  }

  async function declare(model: ChannelModel, queue: string, args: object): Promise<void> {
    await onChannel(model, (channel) => channel.assertQueue(queue, { durable: true, arguments: args }))
  }

  async function declareStream(model: ChannelModel, stream: string): Promise<void> {
    try {
      await declare(model, stream, streamArguments)
      leaderless.delete(stream)
    } catch (error) {
      if (codeOf(error) === 404) throw lostStream(stream, error)
      // Somebody created it with another retention, perhaps for a reason.
      if (!isInequivalent(error)) throw error
      await checkType(model, stream)
      warn(stream, { stream }, error)
    }
  }

  /**
   * Returns the error for a stream of which the broker finds no replica. The stream is not deleted here: in a cluster the nodes
   * with its data may only be down.
   */
  function lostStream(stream: string, error: unknown): unknown {
    const since = leaderless.get(stream) ?? clock.monotonic()
    leaderless.set(stream, since)
    if (clock.monotonic() - since < electionTime) return error
    const message = `the stream ${stream} has no leader. If all nodes of RabbitMQ are up, it can't come back`
    return new LastingFailure(`${message}. ${remedy(stream)}`, { cause: error })
  }

  /**
   * Returns the command for operators. `rabbitmqctl delete_queue` needs a leader. The function takes a name or, from RabbitMQ 4
   * on, a record.
   */
  function remedy(stream: string): string {
    const forget =
      `N = rabbit_misc:r(<<"${virtualHost}">>, queue, <<"${stream}">>), ` +
      'try rabbit_amqqueue:internal_delete(N, <<"rabble">>) catch _:_ -> ' +
      '{ok, Q} = rabbit_amqqueue:lookup_durable_queue(N), rabbit_amqqueue:internal_delete(Q, <<"rabble">>) end.'
    return `This makes RabbitMQ forget it, and Rabble make a new one: rabbitmqctl eval '${forget}'`
  }

  async function declareQueue(model: ChannelModel, queue: string, args: object): Promise<void> {
    try {
      await declare(model, queue, args)
    } catch (error) {
      if (!isInequivalent(error)) throw error
      warn(queue, { queue }, error)
    }
  }

  /** Declares the fanout exchange `name` before the queue of the same name. */
  async function declareWay(model: ChannelModel, name: string): Promise<void> {
    try {
      await onChannel(model, async (channel) => {
        await channel.assertExchange(name, 'fanout', { durable: true })
        await channel.bindQueue(name, name, '')
      })
    } catch (error) {
      if (!isInequivalent(error)) throw error
      warn(`exchange ${name}`, { exchange: name }, error)
    }
  }

  function warn(name: string, fields: Record<string, string>, error: Error): void {
    if (warned.has(name)) return
    warned.add(name)
    logger?.warn({ ...fields, reason: error.message }, 'it exists with other arguments, used as it is')
  }

  /** @throws Error if the queue is not a stream. The broker names one argument that differs, and not always this one. */
  async function checkType(model: ChannelModel, stream: string): Promise<void> {
    try {
      await declare(model, stream, { 'x-queue-type': 'stream' })
    } catch (error) {
      if (!isInequivalent(error) || error.message.includes('x-queue-type')) throw error
    }
  }

  /**
   * Last declaration of a stream; declarations run one after the other. RabbitMQ 3.10 answers with 541, which ends the
   * connection, if a stream is declared again while it is being created. At the first start the reading and the publishing
   * connection would do that.
   */
  let declared: Promise<unknown> = Promise.resolve()

  function inTurn(declare: () => Promise<void>): Promise<void> {
    const turn = declared.then(declare)
    declared = turn.catch(() => {})
    return turn
  }

  return {
    names,
    /**
     * RabbitMQ (3.10) fails when it reads past the place where it restarted the offsets in a log of several segments. The reason
     * is only in its own log.
     */
    unreadable(partition) {
      const stream = names.stream(partition)
      return new LastingFailure(
        `RabbitMQ fails each time it reads the stream ${stream}, or another one over the same connection. If its log says ` +
          `unexpected_chunk_id, the stream is damaged. ${remedy(stream)}`,
      )
    },
    async declareLog(model, partition) {
      const exchange = names.exchange(partition)
      const stream = names.stream(partition)
      await inTurn(() => declareStream(model, stream))
      await onChannel(model, async (channel) => {
        await channel.assertExchange(exchange, 'fanout', { durable: true })
        await channel.bindQueue(stream, exchange, '')
      })
    },
    declareSignals: (model) =>
      onChannel(model, (channel) => channel.assertExchange(names.signals, 'fanout', { durable: true })),
    async declareWork(model, name) {
      // Declares it without arguments, as producers do that know only the name.
      await declareQueue(model, names.work(name), {})
      await declareQueue(model, names.rejected(name), rejectedArguments)
      await declareWay(model, names.work(name))
    },
  }
}

function isInequivalent(error: unknown): error is Error {
  return error instanceof Error && codeOf(error) === 406 && /inequivalent arg/.test(error.message)
}

/** Returns the reply code of a refusal. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
