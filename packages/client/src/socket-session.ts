import type { Timer } from '@rabble/clock'
import type { ClientFrame, ServerFrame, ServerFrames } from '@rabble/contract'
import { bytesOf } from './bytes.ts'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import type { WebSocketLike } from './types.ts'

/** Time limit (ms) for the socket to open, and again for the answer to hello. */
const attemptDeadline = 5_000
const replyDeadline = 15_000
/** Time limit (ms) for the answer if the connection may have died unnoticed, such as during a sleep of the machine. */
const quickly = 1_250
const never = Number.POSITIVE_INFINITY

export interface Replies {
  join: ServerFrames['joined']
  leave: ServerFrames['left']
  send: ServerFrames['sent']
  edit: ServerFrames['sent']
  delete: ServerFrames['sent']
  members: ServerFrames['members']
  gateways: ServerFrames['gateways']
  conversations: ServerFrames['conversations']
  react: ServerFrames['sent']
  refresh: ServerFrames['refreshed']
  watch: ServerFrames['watching']
  read: ServerFrames['sent']
  mute: ServerFrames['sent']
  receipts: ServerFrames['receipts']
  privacy: ServerFrames['privacy']
  people: ServerFrames['people']
}
export type RequestFrame = Extract<ClientFrame, { type: keyof Replies }>
export type Reply<F extends RequestFrame> = Replies[F['type']]

/** Identity that the client claims. */
export interface Identity {
  name?: string
  token?: string
}

/** The chat, as a session uses it. */
export interface SessionHost {
  /** Silence (ms) after which the gateway is probed. */
  readonly heartbeat: number
  readonly clock: ChatClock
  /** Renews the token of a session, which ends at `endsAt` by the clock's `monotonic`, until it is cancelled. */
  renew(session: SocketSession, endsAt: number): Promise<{ cancel(): void }>
}

/** Events of a connection. None follows `ended` or a call of `drop`. */
export interface LinkEvents {
  welcome(frame: ServerFrames['welcome']): void
  /** Reports a refused hello. Returns another identity to try on the same connection, or undefined. */
  refused(error: ChatError): Identity | undefined
  frame(frame: ServerFrame): void
  /** Reports the end. `code` is that of the close frame; 1006 if there was none. */
  ended(code: number, why: string): void
}

interface Waiting {
  now?(reply: ServerFrame): void
  resolve(reply: ServerFrame): void
  reject(error: ChatError): void
}

/** One session from the opening of its socket to its end: hello, requests and replies, heartbeat. */
export class SocketSession {
  readonly #host: SessionHost
  readonly #events: LinkEvents
  readonly #socket: WebSocketLike
  readonly #waiting = new Map<number, Waiting>()
  /** Ends the session if the awaited frame doesn't arrive. */
  #deadline: Timer | undefined
  #renewal: { cancel(): void } | undefined
  #identity: Identity
  #welcome: ServerFrames['welcome'] | undefined
  #over = false
  #lastRef = 0
  #heardAt = 0
  /** Ref of the ping that waits for its answer, and the maximum silence (ms) meanwhile. */
  #ping = 0
  #timeout = never

  constructor(host: SessionHost, identity: Identity, socket: WebSocketLike, events: LinkEvents) {
    this.#host = host
    this.#events = events
    this.#identity = identity
    this.#socket = socket
    this.#await(attemptDeadline)
    socket.addEventListener('open', () => this.#hello(identity))
    socket.addEventListener('message', ({ data }) => this.#receive(data))
    socket.addEventListener('close', ({ code, reason }) => this.#end(code, reason))
    // The close event has the same information.
    socket.addEventListener('error', () => {})
  }

  /** Sends a frame that has no reply. */
  tell(frame: ClientFrame): void {
    if (!this.#over) this.#socket.send(JSON.stringify(frame))
  }

  /**
   * Sends a request. `now` gets the reply before the frames after it are read; a promise would resolve too late.
   * @throws ChatError of the server, `too-large`, `disconnected` or `timeout`
   */
  request<F extends RequestFrame>(frame: F, now?: (reply: Reply<F>) => void): Promise<Reply<F>> {
    const { promise, resolve, reject } = new Deferred<Reply<F>>()
    const ref = ++this.#lastRef
    const text = JSON.stringify({ ...frame, ref })
    const late = () => reject(new ChatError('timeout', 'no answer in time'))
    const timer = this.#host.clock.setTimeout(late, replyDeadline)
    if (this.#over || this.#welcome === undefined) reject(disconnected())
    // The gateway would close the connection, and the retry would close the next one too.
    else if (bytesOf(text) > this.#welcome.limits.frameBytes) {
      reject(new ChatError('too-large'))
    } else {
      this.#waiting.set(ref, { now, resolve, reject } as Waiting)
      this.#socket.send(text)
    }
    return promise.finally(() => {
      timer.cancel()
      this.#waiting.delete(ref)
    })
  }

  /** Sends a ping, and ends the connection if no answer comes within `timeout` milliseconds. */
  probe(timeout = quickly): void {
    if (this.#welcome === undefined || this.#timeout <= timeout) return
    this.#timeout = timeout
    this.#ping = ++this.#lastRef
    this.tell({ type: 'ping', ref: this.#ping })
    this.#await(timeout, 'the server does not answer')
  }

  /**
   * Probes a connection that was silent for long. Must be called periodically: a lost network closes nothing, and a page can't
   * see the pings of the WebSocket protocol.
   */
  look(): void {
    if (this.#host.clock.monotonic() - this.#heardAt > this.#host.heartbeat)
      this.probe(this.#host.heartbeat / 2)
  }

  /**
   * Closes the session. A clean frees a guest's name at once; otherwise the server reserves it for a while for the holder of
   * the token. A guest without a token could not reclaim its name, so the name is freed too.
   */
  drop(clean: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#deadline?.cancel()
    this.#renewal?.cancel()
    const tokenless = this.#welcome === undefined && this.#identity.token === undefined
    this.#socket.close(clean || tokenless ? 1000 : 4000)
    for (const { reject } of this.#waiting.values()) reject(disconnected())
  }

  #hello(identity: Identity): void {
    this.#identity = identity
    this.tell({ type: 'hello', ...identity })
    this.#await(attemptDeadline)
  }

  #receive(data: unknown): void {
    if (this.#over) return
    this.#heardAt = this.#host.clock.monotonic()
    const frame = JSON.parse(String(data)) as ServerFrame & { ref?: unknown }
    if (this.#welcome === undefined) {
      if (frame.type === 'welcome') {
        this.#deadline?.cancel()
        this.#welcome = frame
        this.#events.welcome(frame)
        void this.#renewLater(frame)
      } else if (frame.type === 'error') {
        const identity = this.#events.refused(errorOf(frame))
        if (identity !== undefined) this.#hello(identity)
      }
      return
    }
    if (this.#timeout < never) {
      // Only the answer proves that the connection lives: earlier frames may have been buffered since before a sleep.
      if (frame.ref !== this.#ping) this.#await(this.#timeout, 'the server does not answer')
      else {
        this.#deadline?.cancel()
        this.#timeout = never
      }
    }
    const waiting = this.#waiting.get(Number(frame.ref))
    if (frame.type === 'error') waiting?.reject(errorOf(frame))
    else {
      waiting?.now?.(frame)
      waiting?.resolve(frame)
      // A listener may have closed the chat.
      if (!this.#over) this.#events.frame(frame)
    }
  }

  /** Renews the token before it expires. */
  async #renewLater({ expiresIn = 0 }: ServerFrames['welcome']): Promise<void> {
    if (expiresIn <= 0) return
    const endsAt = this.#host.clock.monotonic() + expiresIn
    this.#renewal = await this.#host.renew(this, endsAt)
    if (this.#over) this.#renewal.cancel()
  }

  /** Waits in two steps. Frames that arrived while the machine and its timers stood still are read between them. */
  #await(milliseconds: number, why = 'no answer in time'): void {
    if (this.#over) return
    this.#deadline?.cancel()
    this.#deadline = this.#host.clock.setTimeout(() => {
      this.#deadline = this.#host.clock.setTimeout(() => this.#end(1006, why), milliseconds / 5)
    }, milliseconds * 0.8)
  }

  #end(code: number, why: string): void {
    if (this.#over) return
    // Does not wait for the close event, which a dead network delays for minutes.
    this.drop(false)
    this.#events.ended(code, why)
  }
}

function errorOf({ code, message, retryAfter }: ServerFrames['error']): ChatError {
  return new ChatError(code, message, retryAfter)
}

export function disconnected(): ChatError {
  return new ChatError('disconnected')
}
