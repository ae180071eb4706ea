import { RabbleError } from '@rabble/contract'
import { sessionToken } from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import type { Session } from '../../sessions/session.ts'
import { createSessionKey } from '../session-keys.ts'
import type { SessionHost } from '../transport.ts'
import { BlockWriter } from './block-writer.ts'
import { StreamConnection } from './connection.ts'

/** Time (ms) without a response after which a session is over. */
const returnTimeout = 15_000
/** Silence (ms) after which a stream gets a comment: less than the timeouts of proxies. */
const commentAfter = 15_000
/** Interval (ms) between checks of all sessions. */
const checkInterval = 1_000
/** Maximum number of requests with frames, of one session, that are carried out or wait. */
const maxPosts = 8

/** A session, and the connection that it has over its requests. */
export class StreamSession {
  readonly key: string
  readonly connection: StreamConnection
  readonly session: Session
  #posts = 0
  #lastPost: Promise<void> = Promise.resolve()

  constructor(key: string, connection: StreamConnection, session: Session) {
    this.key = key
    this.connection = connection
    this.session = session
  }

  /**
   * Hands over frames, one on each line, behind those of earlier calls and as fast as the session carries them out. Those that come
   * after its end are lost, as behind the close of a WebSocket.
   * @throws RabbleError `rate-limited` if too many calls wait
   */
  async take(lines: string, receive: (line: string) => void): Promise<void> {
    if (this.#posts >= maxPosts) {
      const rule = `no more than ${maxPosts} requests of a session at a time`
      throw new RabbleError('rate-limited', rule, { retryAfter: 1_000 })
    }
    this.#posts++
    const taken = this.#lastPost.then(async () => {
      for (const line of lines.split('\n')) {
        await this.connection.reading()
        if (this.connection.closed) return
        if (line.trim() !== '') receive(line)
      }
    })
    this.#lastPost = taken
    return taken.finally(() => this.#posts--)
  }
}

/** The sessions of one transport at this gateway, by their keys. */
export interface StreamSessions {
  /** Begins a session. Returns undefined if the client's origin is not allowed. */
  open(request: FastifyRequest): StreamSession | undefined
  find(key: string): StreamSession | undefined
  /** Ends a session. `clean` tells whether the client left on purpose. */
  end(session: StreamSession, clean: boolean): void
  close(): void
}

export function createStreamSessions(host: SessionHost, transport: string): StreamSessions {
  const sessions = new Map<string, StreamSession>()
  const writer = new BlockWriter()
  const timer = host.clock.setInterval(check, checkInterval)

  function check(): void {
    const now = host.clock.monotonic()
    for (const session of sessions.values()) {
      session.connection.keepAlive(commentAfter)
      const { detachedSince = now } = session.connection
      if (now - detachedSince >= returnTimeout) end(session, false)
    }
  }

  function end({ key, connection, session }: StreamSession, clean: boolean): void {
    sessions.delete(key)
    host.disconnected(session, 'client', clean)
    connection.terminate()
  }

  return {
    open(request) {
      const key = createSessionKey(host.id)
      const connection = new StreamConnection(key, host.clock, writer)
      const session = host.open(connection, {
        transport,
        origin: request.headers.origin,
        reached: request,
        address: request.ip,
        cookie: sessionToken(request.headers.cookie, request.protocol),
      })
      if (session === undefined) return undefined
      const opened = new StreamSession(key, connection, session)
      sessions.set(key, opened)
      return opened
    },
    find: (key) => sessions.get(key),
    end,
    close: () => timer.cancel(),
  }
}
