import type { Duplex } from 'node:stream'
import type { Clock } from '@rabble/clock'
import { type ChannelModel, connect } from 'amqplib'
import type { LogObserver } from '../event-log.ts'
import { LastingFailure, type Outage } from '../outage.ts'
import { keepAlive } from './keep-alive.ts'

/** Seconds; a broker that froze is noticed after two to three of them. The URL may say otherwise. */
const heartbeat = '10'
const connectTimeout = 10_000
const closeTimeout = 2000

export interface ConnectionOptions {
  url: string
  /** Of the log: aborts when it is closed. */
  signal: AbortSignal
  outage: Outage
  clock: Clock
  observer: LogObserver
  /** Shown by the broker's tools. */
  name: string
  role: 'publish' | 'read' | 'work'
}

/** A connection that comes back. */
export interface Connection {
  /** Why the broker takes no messages from this connection, while it doesn't. */
  readonly blocked: string | undefined
  /**
   * Keeps something alive on the connection, as `keepAlive` does: `attempt` gets each connection that comes up, and is
   * called again on the same one if only its channel died. Ends when `signal` aborts.
   */
  keep(
    part: string,
    signal: AbortSignal,
    attempt: (model: ChannelModel, up: () => void) => Promise<void>,
  ): Promise<void>
  /** Gives the present connection up at once, without asking the broker, which may hang. */
  drop(reason: string): void
  /** Resolves once the connection is closed, after the log's signal aborted. */
  readonly closed: Promise<void>
}

/**
 * Connects now and whenever the connection is lost.
 *
 * Not by amqplib's own `recovery` (2.3.1), because that can stay dead for ever: it awaits `close()` of a connection whose
 * setup failed, which never settles if the socket dies meanwhile; it listens for `close` only after setup, and so takes
 * a connection for alive that closed at the end of it; and an `error` during setup has no listener and ends the process.
 */
export function keepConnected(options: ConnectionOptions): Connection {
  const { url, signal, outage, clock, observer, name, role } = options
  let current: ChannelModel | undefined
  let blocked: string | undefined
  const waiters: (() => void)[] = []

  async function attempt(up: () => void): Promise<void> {
    const model = await open(url, name, signal)
    let failure: Error | undefined
    model.on('error', (error: Error) => {
      failure = explained(error)
    })
    model.on('blocked', (reason: string) => {
      blocked = reason
    })
    model.on('unblocked', () => {
      blocked = undefined
    })
    const lost = new Promise<void>((resolve) => {
      model.on('close', (error?: Error) => {
        failure ??= error && explained(error)
        // At once, so that this is the reason that is logged, and not that of the channels that go with it.
        if (!signal.aborted) outage.down(role, failure ?? new Error('connection closed'))
        resolve()
      })
    })
    current = model
    up()
    observer.connection?.(role, true)
    for (const wake of waiters.splice(0)) wake()
    await orAborted(lost, signal)
    current = undefined
    blocked = undefined
    observer.connection?.(role, false)
    // Bounded, because amqplib's promise never settles if the socket dies before the broker has answered.
    if (signal.aborted) {
      await Promise.race([model.close(), clock.sleep(closeTimeout, { ref: false })]).catch(() => {})
    }
    destroy(model, 'connection closed')
    throw failure ?? new Error('connection closed')
  }

  /** The live connection, as soon as there is one. */
  async function next(signal: AbortSignal): Promise<ChannelModel> {
    while (current === undefined) {
      signal.throwIfAborted()
      const connected = new Promise<void>((resolve) => waiters.push(resolve))
      await orAborted(connected, signal)
    }
    signal.throwIfAborted()
    return current
  }

  return {
    closed: keepAlive({ part: role, outage, clock, signal }, attempt),
    get blocked() {
      return blocked
    },
    keep: (part, signal, attempt) =>
      keepAlive({ part, outage, clock, signal }, async (up) => attempt(await next(signal), up)),
    drop(reason) {
      if (current !== undefined) destroy(current, reason)
    },
  }
}

async function open(url: string, name: string, signal: AbortSignal): Promise<ChannelModel> {
  // A broker that froze takes connections and says nothing: don't let that hold up the end of the process.
  const handshake = new AbortController()
  const abort = () => handshake.abort()
  signal.addEventListener('abort', abort)
  const options = {
    // Without it a quiet connection delivers 40 to 50 ms late (Nagle's algorithm against delayed acknowledgements).
    noDelay: true,
    timeout: connectTimeout,
    clientProperties: { connection_name: name },
    signal: handshake.signal,
  }
  try {
    return await connect(url, options)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/**
 * After a heartbeat timeout amqplib only ends the socket, which then waits for a broker that may never read again. With
 * an error, because amqplib notices nothing but that, and its heartbeat timers would go on.
 */
function destroy(model: ChannelModel, reason: string): void {
  const { stream } = model.connection as unknown as { stream?: Duplex }
  stream?.destroy(new Error(reason))
}

/** A broker that was killed during its very first start lacks what it enables then, and closes every connection that asks. */
function explained(error: Error): Error {
  if (!/feature.flag/i.test(error.message)) return error
  const message = `RabbitMQ was not set up completely: run \`rabbitmqctl enable_feature_flag all\` (${error.message})`
  return new LastingFailure(message, { cause: error })
}

/** Resolves with `promise` or once `signal` aborts; leaves no listener on a signal that lives as long as the log. */
async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  let stop = () => {}
  const aborted = new Promise<void>((resolve) => {
    stop = resolve
    signal.addEventListener('abort', stop)
  })
  await Promise.race([promise, aborted])
  signal.removeEventListener('abort', stop)
}

/**
 * The URL as amqplib is to get it. @throws Error if it is none; the message doesn't hold it, because of the password
 */
export function connectionUrl(url: string): string {
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new Error('the URL of RabbitMQ must be amqp://user:password@host:port/vhost, or amqps://')
  }
  const parsed = new URL(url)
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', heartbeat)
  return parsed.href
}

/** The virtual host that a URL names; `/` if it names none. */
export function virtualHostIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || '/'
}
