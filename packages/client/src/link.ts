import type { Timer } from '@rabble/clock'
import type { ClientFrame, ServerFrame, ServerFrames } from '@rabble/contract'
import { bytesOf } from './bytes.ts'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import type { WebSocketConstructor, WebSocketLike } from './types.ts'

const helloDeadline = 10_000
const replyDeadline = 15_000

export interface Replies {
  join: ServerFrames['joined']
  leave: ServerFrames['left']
  send: ServerFrames['sent']
  edit: ServerFrames['sent']
  delete: ServerFrames['sent']
  members: ServerFrames['members']
  gateways: ServerFrames['gateways']
  conversations: ServerFrames['conversations']
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
export class Link {
  readonly #events: LinkEvents
  readonly #socket: WebSocketLike
  readonly #heartbeat: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #clock: ChatClock
  readonly #deadline: Timer
  readonly #watch: Timer
  #welcome: ServerFrames['welcome'] | undefined
  #over = false
  #lastRef = 0
  #heardAt = 0
  #askedAt: number | undefined

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
    // First of all: it may throw, such as for an address that a page over https may not use.
    const socket = new options.WebSocket(options.url, 'rabble.v1')
    this.#socket = socket
    this.#deadline = options.clock.setTimeout(() => this.#end(1006, 'no answer in time'), helloDeadline)
    this.#watch = options.clock.setInterval(() => this.#look(), options.heartbeat / 8)
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

  /** Asks for a sign of life, as if it had been quiet for long. */
  probe(): void {
    if (this.#welcome === undefined || this.#askedAt !== undefined) return
    this.#askedAt = this.#clock.now()
    this.tell({ type: 'ping' })
  }

  /**
   * Lets go of it. 1000 says goodbye, upon which the name of a guest is free for others; after any other code it is kept
   * for a while.
   */
  drop(code: 1000 | 4000): void {
    if (this.#over) return
    this.#over = true
    this.#deadline.cancel()
    this.#watch.cancel()
    this.#socket.close(code)
    for (const { reject } of this.#waiting.values()) reject(disconnected())
  }

  #hello(identity: Identity): void {
    this.tell({ type: 'hello', ...identity })
  }

  #receive(data: unknown): void {
    if (this.#over) return
    this.#heardAt = this.#clock.now()
    const frame = JSON.parse(String(data)) as ServerFrame
    if (this.#welcome === undefined) {
      if (frame.type === 'welcome') {
        this.#deadline.cancel()
        this.#welcome = frame
        this.#events.welcome(frame)
      } else if (frame.type === 'error') {
        const identity = this.#events.refused(errorOf(frame))
        if (identity !== undefined) this.#hello(identity)
      }
      return
    }
    const waiting = this.#waiting.get(Number((frame as { ref?: unknown }).ref))
    if (frame.type === 'error') waiting?.reject(errorOf(frame))
    else {
      waiting?.now?.(frame)
      waiting?.resolve(frame)
      this.#events.frame(frame)
    }
  }

  /**
   * A network that vanishes closes nothing, and a page can't see the pings of the protocol below: ask when it was quiet for
   * long. Timers of hidden pages may run late, so what counts is the time since the question, not since the last frame.
   */
  #look(): void {
    const now = this.#clock.now()
    if (this.#askedAt !== undefined && this.#heardAt >= this.#askedAt) this.#askedAt = undefined
    if (this.#askedAt === undefined) {
      if (now - this.#heardAt > this.#heartbeat) this.probe()
    } else if (now - this.#askedAt > this.#heartbeat / 2) this.#end(1006, 'the server went silent')
  }

  #end(code: number, why: string): void {
    if (this.#over) return
    // Without waiting for the close event, which a dead network delays for minutes.
    this.drop(4000)
    this.#events.ended(code, why)
  }
}

function errorOf({ code, message, retryAfter }: ServerFrames['error']): ChatError {
  return new ChatError(code, message, retryAfter)
}

export function disconnected(): ChatError {
  return new ChatError('disconnected', 'there is no connection')
}
