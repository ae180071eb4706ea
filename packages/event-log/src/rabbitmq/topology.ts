import type { Clock } from '@rabble/clock'
import type { ChannelModel } from 'amqplib'
import type { Logger } from '../event-log.ts'
import { LastingFailure } from '../outage.ts'
import type { Retention } from '../retention.ts'
import { onChannel } from './channel.ts'

/** The names that one prefix gives. Each partition has an exchange and a stream of its own. */
export interface Names {
  signals: string
  exchange(partition: number): string
  stream(partition: number): string
  /** Of tasks, and of those that nobody could do. */
  work(name: string): string
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

/** Declares what the log needs; safe to repeat, and repeated after each reconnect: a broker may come back empty. */
export interface Topology {
  names: Names
  declareLog(model: ChannelModel, partition: number): Promise<void>
  /** The failure of a broker that ends the connection whenever it reads a stream. */
  unreadable(partition: number): LastingFailure
  declareSignals(model: ChannelModel): Promise<void>
  /** The queue of tasks `name`, and the one for those that are set aside. */
  declareWork(model: ChannelModel, name: string): Promise<void>
}

/** What is set aside is for people to look at: not for ever, nor any number. */
const rejectedArguments = {
  'x-max-length': 10_000,
  'x-max-length-bytes': 64 * 1024 * 1024,
  'x-message-ttl': 7 * 24 * 60 * 60 * 1000,
}

/**
 * Milliseconds after which a stream without a leader is reported as lost. A stream of a broker that starts, or of a node that
 * failed, has one within seconds.
 */
const electionTime = 5_000

export interface TopologyOptions {
  prefix: string
  /** The virtual host, as a name in the commands that are told to operators. */
  virtualHost: string
  retention: Retention
  clock: Clock
  logger: Logger | undefined
}

export function topologyOf(options: TopologyOptions): Topology {
  const { prefix, virtualHost, retention, clock, logger } = options
  const names = namesOf(prefix)
  const warned = new Set<string>()
  /** Since when (by the monotonic clock) the broker has said of a stream that it is there and can't be reached. */
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
      // Somebody made it with another retention, and may have had a reason.
      if (!isInequivalent(error)) throw error
      await checkType(model, stream)
      warn(stream, { stream }, error)
    }
  }

  /**
   * The broker knows a stream and finds none of its replicas. Not deleted from here: in a cluster the nodes that have its
   * data may only be down.
   */
  function lostStream(stream: string, error: unknown): unknown {
    const since = leaderless.get(stream) ?? clock.monotonic()
    leaderless.set(stream, since)
    if (clock.monotonic() - since < electionTime) return error
    const message = `the stream ${stream} has no leader. If all nodes of RabbitMQ are up, it can't come back`
    return new LastingFailure(`${message}. ${remedy(stream)}`, { cause: error })
  }

  /** `rabbitmqctl delete_queue` needs a leader. The function takes a name or, from RabbitMQ 4 on, a record. */
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

  function warn(name: string, fields: { stream: string } | { queue: string }, error: Error): void {
    if (warned.has(name)) return
    warned.add(name)
    logger?.warn({ ...fields, reason: error.message }, 'it exists with other arguments, used as it is')
  }

  /** @throws Error if the queue is no stream. The broker names one argument that differs, and not always this one. */
  async function checkType(model: ChannelModel, stream: string): Promise<void> {
    try {
      await declare(model, stream, { 'x-queue-type': 'stream' })
    } catch (error) {
      if (!isInequivalent(error) || error.message.includes('x-queue-type')) throw error
    }
  }

  /**
   * Declarations of streams, one after the other. RabbitMQ 3.10 answers with 541, which ends the connection, if a stream is
   * declared again while it is being made: at the first start, by the connection that reads beside the one that publishes.
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
     * RabbitMQ (3.10) does so when it reads past the place in a log of several segments at which it began to count anew, and says
     * why only in its own log.
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
      // Without arguments, as a producer declares it that knows nothing but the name.
      await declareQueue(model, names.work(name), {})
      await declareQueue(model, names.rejected(name), rejectedArguments)
    },
  }
}

function isInequivalent(error: unknown): error is Error {
  return error instanceof Error && codeOf(error) === 406 && /inequivalent arg/.test(error.message)
}

/** The reply code of a refusal. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
