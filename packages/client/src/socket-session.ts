import type { Timer } from '@rabble/clock'
import type { ClientFrame, ServerFrame, ServerFrames } from '@rabble/contract'
import { bytesOf } from './bytes.ts'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import type { WebSocketConstructor, WebSocketLike } from './types.ts'

/** Time (ms) for the WebSocket to open, and as long again for the answer to hello. */
const attemptDeadline = 5_000
const replyDeadline = 15_000
/** Time (ms) to answer where the connection may have died unnoticed, such as while the machine slept. */
const quickly = 1_250
/** Longest time (ms) that timers know: beyond it, they take none at all. */
const longest = 2 ** 31 - 1

export interface Replies {
  join: ServerFrames['joined']
  leave: ServerFrames['left']
  send: ServerFrames['sent']
  edit: ServerFrames['sent']
  delete: ServerFrames['sent']
  members: ServerFrames['members']
  gateways: ServerFrames['gateways']
  conversations: ServerFrames['conversations']
  refresh: ServerFrames['refreshed']
}
export type RequestFrame = Extract<ClientFrame, { type: keyof Replies }>
export type Reply<F extends RequestFrame> = Replies[F['type']]

/** Who the client says that it is. */
export interface Identity {
  name?: string
  token?: string
}

/** What a connection tells. Nothing more comes after `ended`, or after it was let go of. */
export interface LinkEvents {
  welcome(frame: ServerFrames['welcome']): void
  /** The hello was refused: another identity to try on this same connection, or nothing. */
  refused(error: ChatError): Identity | undefined
  /** The session's token will end: another one, or nothing if there is none to be had. */
  token(): Promise<string | undefined>
  /** The session goes on with this token. */
  refreshed(token: string): void
  frame(frame: ServerFrame): void
  /** `code` is that of the close frame; 1006 if there was none. */
  ended(code: number, why: string): void
}

interface Waiting {
  now?(reply: ServerFrame): void
  resolve(reply: ServerFrame): void
  reject(error: ChatError): void
}

/** One WebSocket, from its opening to its end: hello, requests and their replies, heartbeat. */
export class SocketSession {
  readonly #events: LinkEvents
  readonly #socket: WebSocketLike
  readonly #heartbeat: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #clock: ChatClock
  /** Ends it if what is awaited doesn't come. */
  #deadline: Timer | undefined
  #renewal: Timer | undefined
  #identity: Identity
  #welcome: ServerFrames['welcome'] | undefined
  #over = false
  #lastRef = 0
  #heardAt = 0
  /** The ping that waits for its answer, and how long (ms) there may be nothing meanwhile. */
  #ping = 0
  #timeout = Number.POSITIVE_INFINITY

  constructor(
    options: {
      url: string
      WebSocket: WebSocketConstructor
      heartbeat: number
      identity: Identity
      clock: ChatClock
    },
    events: LinkEvents,
  ) {
    this.#events = events
    this.#heartbeat = options.heartbeat
    this.#clock = options.clock
    this.#identity = options.identity
    // First of all: it may throw, such as for an address that a page over https may not use.
    const socket = new options.WebSocket(options.url, 'rabble.v1')
    this.#socket = socket
    this.#await(attemptDeadline)
    socket.addEventListener('open', () => this.#hello(options.identity))
    socket.addEventListener('message', ({ data }) => this.#receive(data))
    socket.addEventListener('close', ({ code, reason }) => this.#end(code, reason))
    // What went wrong the close event tells as well.
    socket.addEventListener('error', () => {})
  }

  /** Sends a frame that has no reply. */
  tell(frame: ClientFrame): void {
    if (!this.#over) this.#socket.send(JSON.stringify(frame))
  }

  /**
   * `now` gets the reply before anything that follows it is looked at: a promise would be a moment late.
   * @throws ChatError that of the server, `too-large`, `disconnected` or `timeout`
   */
  request<F extends RequestFrame>(frame: F, now?: (reply: Reply<F>) => void): Promise<Reply<F>> {
    const { promise, resolve, reject } = new Deferred<Reply<F>>()
    const ref = ++this.#lastRef
    const text = JSON.stringify({ ...frame, ref })
    const late = () => reject(new ChatError('timeout', 'no answer in time'))
    const timer = this.#clock.setTimeout(late, replyDeadline)
    if (this.#over || this.#welcome === undefined) reject(disconnected())
    // The gateway would close the connection, and the message would close the next one too.
    else if (bytesOf(text) > this.#welcome.limits.frameBytes) {
      reject(new ChatError('too-large', 'the frame is too large'))
    } else {
      this.#waiting.set(ref, { now, resolve, reject } as Waiting)
      this.#socket.send(text)
    }
    return promise.finally(() => {
      timer.cancel()
      this.#waiting.delete(ref)
    })
  }

  /** Asks for a sign of life, and ends the connection if none comes within `timeout` milliseconds. */
  probe(timeout = quickly): void {
    if (this.#welcome === undefined || this.#timeout <= timeout) return
    this.#timeout = timeout
    this.#ping = ++this.#lastRef
    this.tell({ type: 'ping', ref: this.#ping })
    this.#await(timeout, 'the server went silent')
  }

  /**
   * To be called again and again. A network that vanishes closes nothing, and a page can't see the pings of the protocol below:
   * asks when it was quiet for long.
   */
  look(): void {
    if (this.#clock.monotonic() - this.#heardAt > this.#heartbeat) this.probe(this.#heartbeat / 2)
  }

  /**
   * Lets go of it. A farewell frees the name of a guest for others; otherwise it is kept for a while for who has the token.
   * One that got none could not come back with it.
   */
  drop(farewell: boolean): void {
    if (this.#over) return
    this.#over = true
    this.#deadline?.cancel()
    this.#renewal?.cancel()
    const tokenless = this.#welcome === undefined && this.#identity.token === undefined
    this.#socket.close(farewell || tokenless ? 1000 : 4000)
    for (const { reject } of this.#waiting.values()) reject(disconnected())
  }

  #hello(identity: Identity): void {
    this.#identity = identity
    this.tell({ type: 'hello', ...identity })
    this.#await(attemptDeadline)
  }

  #receive(data: unknown): void {
    if (this.#over) return
    this.#heardAt = this.#clock.monotonic()
    const frame = JSON.parse(String(data)) as ServerFrame & { ref?: unknown }
    if (this.#welcome === undefined) {
      if (frame.type === 'welcome') {
        this.#deadline?.cancel()
        this.#welcome = frame
        this.#expect(frame)
        this.#events.welcome(frame)
      } else if (frame.type === 'error') {
        const identity = this.#events.refused(errorOf(frame))
        if (identity !== undefined) this.#hello(identity)
      }
      return
    }
    if (this.#timeout < Number.POSITIVE_INFINITY) {
      // Only the answer proves that it lives: what comes before it may have lain here since before a sleep.
      if (frame.ref !== this.#ping) this.#await(this.#timeout, 'the server went silent')
      else {
        this.#deadline?.cancel()
        this.#timeout = Number.POSITIVE_INFINITY
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

  /** Renews the token in place when about half of its time is over; at random, so that those who came together don't renew together. */
  #expect({ expiresIn = 0 }: { expiresIn?: number }): void {
    if (this.#over || expiresIn <= 0) return
    const endsAt = this.#clock.monotonic() + expiresIn
    const wait = Math.min(longest, Math.max(1_000, expiresIn * (0.4 + Math.random() * 0.2)))
    this.#renewal = this.#clock.setTimeout(() => void this.#renew(endsAt), wait)
  }

  async #renew(endsAt: number): Promise<void> {
    try {
      const token = await this.#events.token()
      if (token === undefined) return
      const reply = await this.request({ type: 'refresh', token })
      this.#events.refreshed(reply.token ?? token)
      this.#expect(reply)
    } catch {
      // Again in half of the time that is left. If it ends before, the next connection needs another one.
      this.#expect({ expiresIn: endsAt - this.#clock.monotonic() })
    }
  }

  /** In two steps: what came while everything stood still, and the timer with it, is read between them. */
  #await(milliseconds: number, why = 'no answer in time'): void {
    if (this.#over) return
    this.#deadline?.cancel()
    this.#deadline = this.#clock.setTimeout(() => {
      this.#deadline = this.#clock.setTimeout(() => this.#end(1006, why), milliseconds / 5)
    }, milliseconds * 0.8)
  }

  #end(code: number, why: string): void {
    if (this.#over) return
    // Without waiting for the close event, which a dead network delays for minutes.
    this.drop(false)
    this.#events.ended(code, why)
  }
}

function errorOf({ code, message, retryAfter }: ServerFrames['error']): ChatError {
  return new ChatError(code, message, retryAfter)
}

export function disconnected(): ChatError {
  return new ChatError('disconnected', 'there is no connection')
}
