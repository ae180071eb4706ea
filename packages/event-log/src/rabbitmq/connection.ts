import type { Duplex } from 'node:stream'
import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { inTime, orAborted } from '@rabble/clock/race'
import { type ChannelModel, connect } from 'amqplib'
import type { LogObserver } from '../event-log.ts'
import { LastingFailure, type Outage } from '../outage.ts'
import { keepAlive } from './keep-alive.ts'

/** Heartbeat (seconds). A frozen broker is noticed after two to three of them. The URL may have another value. */
const heartbeat = '10'
const connectTimeout = 10_000
const closeTimeout = 2000

export interface ConnectionOptions {
  url: string
  /** Signal of the log: aborts when the log is closed. */
  signal: AbortSignal
  outage: Outage
  clock: Clock
  observer: LogObserver
  /** Name in the broker's tools. */
  name: string
  role: 'publish' | 'read' | 'work'
}

/** Connection that reconnects automatically. */
export interface Connection {
  /** Reason why the broker blocks this connection; undefined if it doesn't. */
  readonly blocked: string | undefined
  /**
   * Runs `attempt` on each connection that comes up, as `keepAlive` does, and again on the same connection if only its channel
   * died. Ends when `signal` aborts.
   */
  keep(
    part: string,
    signal: AbortSignal,
    attempt: (model: ChannelModel, up: () => void) => Promise<void>,
  ): Promise<void>
  /** Destroys the present connection at once, without asking the broker, which may hang. */
  drop(reason: string): void
  /** Resolves once the connection is closed, after the log's signal aborted. */
  readonly closed: Promise<void>
}

/**
 * Connects now, and again whenever the connection is lost.
 *
 * It doesn't use amqplib's own `recovery` (2.3.1), which can stop permanently: it awaits `close()` of a connection whose setup
 * failed, which never settles if the socket dies meanwhile; it listens for `close` only after setup, and misses a connection that
 * closes at the end of it; and an `error` during setup has no listener and ends the process.
 */
export function keepConnected(options: ConnectionOptions): Connection {
  const { url, signal, outage, clock, observer, name, role } = options
  let current: ChannelModel | undefined
  let blocked: string | undefined
  let connected = new Deferred<void>()

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
    const lost = new Deferred<void>()
    model.on('close', (error?: Error) => {
      failure ??= error && explained(error)
      // Reported first, so that the log shows this reason, and not that of the channels, which close next.
      if (!signal.aborted) outage.down(role, failure ?? new Error('connection closed'))
      lost.resolve()
    })
    current = model
    up()
    observer.connection?.(role, true)
    connected.resolve()
    connected = new Deferred()
    await orAborted(lost.promise, signal)
    current = undefined
    blocked = undefined
    observer.connection?.(role, false)
    // Bounded, because amqplib's promise never settles if the socket dies before the broker has answered.
    if (signal.aborted) {
      await inTime(model.close(), closeTimeout, clock).catch(() => {})
    }
    destroy(model, 'connection closed')
    throw failure ?? new Error('connection closed')
  }

  /** Returns the live connection, as soon as there is one. */
  async function next(signal: AbortSignal): Promise<ChannelModel> {
    while (current === undefined) {
      signal.throwIfAborted()
      await orAborted(connected.promise, signal)
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
  // A frozen broker accepts connections and never answers: it must not delay the end of the process.
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
 * Destroys the socket. After a heartbeat timeout amqplib only ends it, and it then waits for a broker that may never read again.
 * An error is needed: amqplib notices nothing else, and its heartbeat timers would continue.
 */
function destroy(model: ChannelModel, reason: string): void {
  const { stream } = model.connection as unknown as { stream?: Duplex }
  stream?.destroy(new Error(reason))
}

/**
 * Explains an error of a broker that was killed during its first start: it lacks what it enables then, and closes every
 * connection that uses it.
 */
function explained(error: Error): Error {
  if (!/feature.flag/i.test(error.message)) return error
  const message = `RabbitMQ was not set up completely: run \`rabbitmqctl enable_feature_flag all\` (${error.message})`
  return new LastingFailure(message, { cause: error })
}

/** Returns the URL for amqplib. @throws Error if the URL is invalid; the message doesn't contain it, because of the password */
export function connectionUrl(url: string): string {
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new Error('the URL of RabbitMQ must be amqp://user:password@host:port/vhost, or amqps://')
  }
  const parsed = new URL(url)
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', heartbeat)
  return parsed.href
}

/** Returns the virtual host of a URL; `/` if it has none. */
export function virtualHostIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || '/'
}
