import { randomBytes } from 'node:crypto'
import { type CompletionMessage, MessageType } from '@microsoft/signalr'
import {
  type CloseReason,
  closeCodes,
  errorCodes,
  RabbleError,
  type ServerFrame,
  type ServerFrames,
} from '@rabble/contract'
import type { Reply } from '../../sessions/connection.ts'
import type { Session } from '../../sessions/session.ts'
import type { ClientInfo, SessionHost } from '../transport.ts'
import { type Answer, type Calls, ClientCalls } from './calls.ts'
import { type Codecs, type Flavour, nothing } from './codec.ts'
import {
  type HubProtocol,
  type Invocation,
  readHandshake,
  resumableVersion,
  writeHandshake,
} from './hub-protocol.ts'
import { type Frame, isAnswered, type Plan, planOf } from './methods.ts'
import { Streams } from './streams.ts'
import { createView, type View, type Viewed } from './view.ts'
import type { Wire } from './wire.ts'

/** Number of calls that wait for a change of the name at which reading from the client stops. */
const maxWaiting = 64
/** What all clients of the transport share. */
export interface Hub {
  readonly host: SessionHost
  readonly calls: Calls
  readonly codecs: Codecs
  readonly clients: Set<HubClient>
}

/**
 * A client of the hub. It turns calls into frames of the native protocol, and replies into completions. The core knows it as a session
 * that says hello with the client's token or cookie, or with a name that is made up. The first call that names a user begins another
 * session over the same wire, which takes the place of the first at once: no event is missing or comes twice.
 */
export class HubClient {
  readonly #hub: Hub
  readonly #wire: Wire
  readonly #info: ClientInfo
  readonly #token: string | undefined
  #view: View
  #session: Session | undefined
  /** The session that will take the place of the present one. */
  #next: Session | undefined
  #protocol: HubProtocol | undefined
  #flavour: Flavour = 'none'
  #state: 'connected' | 'opening' | 'open' | 'ended' = 'connected'
  /** Whether a token or a cookie decides who it is, and no call. */
  #isSignedIn: boolean
  /** Whether it has a token, with which it can come back as the same user. */
  #hasToken: boolean
  /** Whether calls wait for a change of the name. */
  #isBusy = true
  #waiting: Invocation[] = []
  readonly #calls: ClientCalls
  readonly #streams = new Streams()
  readonly #pausedBy = new Set<object>()
  #wroteAt: number

  constructor(hub: Hub, wire: Wire, info: ClientInfo, token: string | undefined) {
    this.#hub = hub
    this.#wire = wire
    this.#info = info
    this.#token = token
    this.#isSignedIn = token !== undefined
    this.#hasToken = this.#isSignedIn
    this.#calls = new ClientCalls(hub.calls)
    this.#view = this.#createView()
    this.#wroteAt = hub.host.clock.monotonic()
  }

  /** Begins a session. Returns false if it was refused. */
  open(): boolean {
    this.#session = this.#hub.host.open(this.#view, this.#info)
    if (this.#session === undefined) return false
    this.#hub.clients.add(this)
    return true
  }

  /** The present session. */
  get session(): Session | undefined {
    return this.#session
  }

  get isEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Takes one or more whole messages of the client. */
  receive(data: Buffer): void {
    if (this.#state === 'connected') {
      const rest = this.#shakeHands(data)
      if (rest === undefined || rest.length === 0) return
      this.receive(rest)
      return
    }
    const protocol = this.#protocol
    if (this.isEnded || protocol === undefined) return
    this.#guard(() => {
      for (const message of protocol.parse(data, this.#hub.host.limits.frameBytes)) {
        if (this.isEnded) return
        if (this.#wire.receives?.(message) === false) continue
        switch (message.type) {
          case MessageType.Invocation:
          case MessageType.StreamInvocation:
            this.#take(message)
            break
          case MessageType.CancelInvocation:
            this.#cancel(message.invocationId)
            break
          case MessageType.Ping:
          case MessageType.Ack:
          case MessageType.Sequence:
          case MessageType.StreamItem:
          case MessageType.Completion:
            this.#session?.heardPing()
            break
          case MessageType.Close:
            this.gone('client', true)
            this.#wire.end()
            break
          default:
            message satisfies never
        }
      }
    })
  }

  /** Does something with messages of the client. It ends the connection if one breaks the rules. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (error instanceof RabbleError) this.#session?.close('tooLarge', error.message)
      else this.#session?.close('policy', 'a message breaks the rules of the hub protocol')
    }
  }

  /** Ends the sessions of a client whose connection is gone. */
  gone(reason: string, clean: boolean): void {
    const { host } = this.#hub
    for (const session of [this.#next, this.#session]) {
      // The name of a guest who can't come back as the same user is free at once.
      if (session !== undefined) host.disconnected(session, reason, clean || !this.#hasToken)
    }
    this.#end()
  }

  /** Acknowledges what has come, and sends a ping if the client was sent nothing for `silence` (ms). */
  keepAlive(silence: number): void {
    if (this.#state !== 'open') return
    this.#wire.acknowledge?.()
    const now = this.#hub.host.clock.monotonic()
    if (!this.#wire.needsPings || now - this.#wroteAt < silence || this.#protocol === undefined) return
    this.#wroteAt = now
    this.#wire.control(this.#protocol.write({ type: MessageType.Ping }))
  }

  /** Returns what came behind the handshake. */
  #shakeHands(data: Buffer): Buffer | undefined {
    const handshake = readHandshake(data, this.#wire.takesBytes)
    if ('error' in handshake) {
      this.#session?.close('policy', handshake.error)
      return undefined
    }
    const session = this.#session
    if (session === undefined) return undefined
    this.#protocol = handshake.protocol
    this.#wire.carry(handshake.protocol.binary)
    this.#state = 'opening'
    const madeUp = `Guest ${randomBytes(5).toString('hex')}`
    const hello = this.#token === undefined ? { name: madeUp } : { token: this.#token }
    this.#enter(session, { type: 'hello', ...hello }, [this.#hub.host.lobby], (result) => {
      if ('type' in result && result.type === 'error') {
        session.close('policy', result.message)
        return
      }
      this.#isSignedIn = this.#hasToken = session.user?.name !== madeUp
      this.#state = 'open'
      // What comes later is written at the end of this turn of the event loop.
      this.#wire.control(writeHandshake())
      if (handshake.version === resumableVersion) this.#wire.countMessages?.(handshake.protocol)
      this.#show('plain')
      this.#proceed()
    })
    return handshake.rest
  }

  /**
   * Says hello and joins rooms. `done` gets the welcome, or the error; at that moment, the session has become a member of the last room.
   * A room that can't be joined for long is left out.
   */
  #enter(
    session: Session,
    hello: Frame,
    rooms: string[],
    done: (result: ServerFrames['welcome'] | ServerFrames['error']) => void,
  ): void {
    this.#request(session, hello, (reply) => {
      const result = frameOf(reply) as ServerFrames['welcome'] | ServerFrames['error']
      const next = () => {
        const room = rooms.shift()
        if (room === undefined) {
          done(result)
          return
        }
        this.#request(session, { type: 'join', room, recent: 0 }, (answer) => {
          const error = answer.type === 'error' ? (frameOf(answer) as ServerFrames['error']) : undefined
          if (error !== undefined && errorCodes[error.code].status >= 429) done(error)
          else next()
          return undefined
        })
      }
      if (result.type === 'error') done(result)
      else next()
      return undefined
    })
  }

  #take(call: Invocation): void {
    if (!this.#isBusy) {
      this.#invoke(call)
      return
    }
    this.#waiting.push(call)
    if (this.#waiting.length === maxWaiting) this.#pause(this)
  }

  /** Carries out the calls that waited. */
  #proceed(): void {
    this.#isBusy = false
    const waiting = this.#waiting
    this.#waiting = []
    this.#resume(this)
    this.#guard(() => {
      for (const call of waiting) this.#take(call)
    })
  }

  #invoke(call: Invocation): void {
    const session = this.#session
    if (session === undefined || this.isEnded) return
    const { target, invocationId } = call
    let plan: Plan
    try {
      plan = planOf(target, call.arguments, call.type === MessageType.StreamInvocation, this.#hub.host.lobby)
    } catch (error) {
      if (!(error instanceof RabbleError)) throw error
      this.#refuse(error, (message) => this.#completion(invocationId, { error: message }))
      return
    }
    const { as, frame } = plan
    const failed = (message: string) =>
      this.#completion(invocationId, {
        error: `An unexpected error occurred invoking '${target}' on the server. HubException: ${message}`,
      })
    if (call.type === MessageType.StreamInvocation && frame.type === 'join') {
      const refusal = this.#addStream(invocationId ?? '', frame.room)
      if (refusal !== undefined) {
        this.#refuse(refusal, failed)
        return
      }
    }
    const name = as?.normalize('NFC').trim()
    if (frame.type === 'hello' && !this.#isSignedIn) {
      this.#become(frame, (result) => {
        this.#show('events')
        if (result.type === 'welcome') this.#hasToken = true
        return this.#completion(invocationId, { result: JSON.stringify(withoutRef(result)) })
      })
    } else if (name === undefined || name === session.user?.name) {
      this.#carryOut(plan, call, failed)
    } else if (this.#isSignedIn) {
      const rule = `this connection is signed in as ${session.user?.name}`
      this.#refuse(new RabbleError('forbidden', rule), failed)
    } else {
      this.#become({ type: 'hello', name }, (result) => {
        if (result.type === 'error') return failed(result.message)
        this.#carryOut(plan, call, failed)
        return undefined
      })
    }
  }

  /** Notes a stream that begins when its room is joined. Returns why it can not. */
  #addStream(invocationId: string, room: string): RabbleError | undefined {
    const { roomsPerSession } = this.#hub.host.limits
    if (this.#streams.has(invocationId)) return new RabbleError('bad-frame', 'this stream is there already')
    if (this.#streams.size >= roomsPerSession) {
      return new RabbleError('too-large', `a connection may have ${roomsPerSession} streams at a time`)
    }
    this.#streams.add(invocationId, room)
    return undefined
  }

  #carryOut(plan: Plan, call: Invocation, failed: (message: string) => Buffer | undefined): void {
    const session = this.#session
    if (session === undefined || this.isEnded) return
    const { host } = this.#hub
    const { frame, flavour, result } = plan
    const { invocationId } = call
    if (plan.lobby && !session.rooms.has(host.lobby)) {
      host.receive(session, JSON.stringify({ type: 'join', room: host.lobby, recent: 0 }))
    }
    if (!isAnswered(frame)) {
      host.receive(session, JSON.stringify(frame))
      this.#push(this.#completion(invocationId, {}))
      return
    }
    this.#request(session, frame, (reply) => {
      const isStream = call.type === MessageType.StreamInvocation && invocationId !== undefined
      if (reply.type === 'error' && !plan.errors) {
        // The completion of a stream that was cancelled has been sent.
        if (isStream && this.#streams.remove(invocationId) === undefined) return undefined
        return failed((frameOf(reply) as ServerFrames['error']).message)
      }
      if (isStream) return this.#beginStream(invocationId, reply, 'after' in frame)
      if (flavour !== undefined) this.#show(flavour)
      if (result === undefined || invocationId === undefined) return this.#completion(invocationId, {})
      return this.#completion(invocationId, { result: result(withoutRef(frameOf(reply))) })
    })
  }

  /** Answers a call with an error, which counts as a refused frame. */
  #refuse(error: RabbleError, answer: (message: string) => Buffer | undefined): void {
    this.#session?.refuse(
      error,
      this.#expect(() => answer(error.message)),
    )
  }

  /**
   * Takes another name: begins a session that says `hello`, joins the rooms of the present one, and takes its place. Later calls wait,
   * and it waits for the replies to earlier ones. `then` gets the welcome or the error, and returns what the client gets.
   */
  #become(
    hello: Frame,
    then: (result: ServerFrames['welcome'] | ServerFrames['error']) => Buffer | undefined,
  ): void {
    this.#isBusy = true
    const begin = () => {
      const { host } = this.#hub
      const old = this.#session
      if (old === undefined || this.isEnded) return
      const view = this.#createView()
      const session = host.open(view, { ...this.#info, cookie: undefined })
      if (session === undefined) return
      this.#next = session
      this.#enter(session, hello, [...old.rooms], (result) => {
        this.#next = undefined
        if (result.type === 'error') {
          host.disconnected(session, 'client', true)
        } else {
          // What the old session was told in this turn of the event loop goes out first; the new one was told the same.
          old.flush()
          session.flush()
          host.disconnected(old, 'client', true)
          this.#pausedBy.delete(this.#view)
          this.#view = view
          this.#session = session
          this.#isSignedIn = this.#hasToken = hello.type === 'hello' && hello.token !== undefined
          this.#show(this.#flavour)
        }
        this.#push(then(result))
        this.#proceed()
      })
    }
    this.#calls.whenAnswered(begin)
  }

  /** Sends a frame of the client to the core. */
  #request(session: Session, frame: Frame, answer: Answer): void {
    this.#hub.host.receive(session, JSON.stringify({ ...frame, ref: this.#expect(answer) }))
  }

  #expect(answer: Answer): number {
    return this.#calls.expect((reply) => (this.isEnded ? undefined : answer(reply)))
  }

  /** Sets how the client gets events. A client that has asked for whole ones gets them for good. */
  #show(flavour: Flavour): void {
    if (this.#flavour !== 'events') this.#flavour = flavour
    if (this.#protocol === undefined) return
    const shared = this.#hub.codecs.of(this.#protocol, this.#flavour)
    this.#view.codec = this.#streams.codec(shared, this.#protocol)
  }

  /** Begins a stream of a room that was joined. `after`: whether the client asked for what it missed. */
  #beginStream(invocationId: string, reply: Reply, after: boolean): Buffer | undefined {
    const joined = frameOf(reply) as ServerFrames['joined']
    if (this.#protocol === undefined) return undefined
    if (!this.#streams.has(invocationId)) {
      // It was cancelled meanwhile.
      this.#leaveUnneeded(joined.room)
      return undefined
    }
    const items = this.#streams.begin(this.#protocol, invocationId, joined, after)
    this.#show(this.#flavour)
    return items
  }

  #cancel(invocationId: string): void {
    this.#session?.heardPing()
    const wasLive = this.#streams.isLive(invocationId)
    const room = this.#streams.remove(invocationId)
    if (room === undefined) return
    this.#show(this.#flavour)
    this.#push(this.#completion(invocationId, {}))
    if (wasLive) this.#leaveUnneeded(room)
  }

  /** Leaves a room that was joined for a stream, if there is no other stream of it. */
  #leaveUnneeded(room: string): void {
    const session = this.#session
    if (session === undefined || this.#streams.covers(room) || room === this.#hub.host.lobby) return
    if (session.rooms.has(room)) this.#request(session, { type: 'leave', room }, () => undefined)
  }

  #completion(
    invocationId: string | undefined,
    outcome: Pick<CompletionMessage, 'result' | 'error'>,
  ): Buffer | undefined {
    if (invocationId === undefined) return undefined
    return this.#protocol?.write({ type: MessageType.Completion, invocationId, ...outcome })
  }

  #push(bytes: Buffer | undefined): void {
    if (bytes !== undefined) this.#session?.push(bytes)
  }

  #createView(): View {
    const client: Viewed = {
      write: (pieces) => this.#write(pieces),
      pause: (view) => this.#pause(view),
      resume: (view) => this.#resume(view),
      close: (reason, message) => this.#close(reason, message),
    }
    return createView(this.#wire, client, this.#hub.codecs.opening)
  }

  #write(pieces: readonly Buffer[]): void {
    const present = pieces.filter((piece) => piece.length > 0)
    if (present.length === 0) return
    this.#wroteAt = this.#hub.host.clock.monotonic()
    this.#wire.write(present)
  }

  #pause(by: object): void {
    this.#pausedBy.add(by)
    this.#wire.pause()
  }

  #resume(by: object): void {
    this.#pausedBy.delete(by)
    if (this.#pausedBy.size === 0) this.#wire.resume()
  }

  #close(reason: CloseReason, message: string): void {
    if (this.isEnded) return
    const mayReturn = closeCodes[reason].retry || reason === 'tokenExpired'
    const last =
      this.#state === 'open' ? this.#protocol?.writeClose(message, mayReturn) : writeHandshake(message)
    this.#wire.close(reason, message, last ?? nothing)
    const sessions = [this.#next, this.#session]
    this.#end()
    for (const session of sessions) {
      if (session === undefined || (this.#hasToken && session === this.#session)) continue
      // As above. The core would keep the name for a client that it has asked to come back.
      session.leaving = false
      this.#hub.host.disconnected(session, reason, true)
    }
  }

  #end(): void {
    this.#state = 'ended'
    this.#hub.clients.delete(this)
    this.#calls.end()
    this.#waiting = []
  }
}

function frameOf({ json }: Reply): ServerFrame {
  return JSON.parse(json.toString()) as ServerFrame
}

function withoutRef(frame: ServerFrame): ServerFrame {
  const { ref, ...rest } = frame as ServerFrame & { ref?: unknown }
  return rest as ServerFrame
}
