import { MessageType } from '@microsoft/signalr'
import { type CloseReason, closeCodes, RabbleError, type ServerFrames } from '@rabble/contract'
import type { Session } from '../../sessions/session.ts'
import { toJson } from '../frame-json.ts'
import { Silence } from '../silence.ts'
import type { ClientInfo } from '../transport.ts'
import { type Answer, ClientCalls } from './calls.ts'
import { type Flavour, nothing } from './codec.ts'
import { type Admission, type Caller, Dispatcher } from './dispatcher.ts'
import { enter } from './entry.ts'
import type { Hub } from './hub.ts'
import { type HubProtocol, readHandshake, resumableVersion, writeHandshake } from './hub-protocol.ts'
import { Identity } from './identity.ts'
import type { Frame } from './methods.ts'
import { createView, type View, type Viewed } from './view.ts'
import type { Wire } from './wire.ts'

/**
 * A client of the hub. It turns calls into frames of the native protocol, and replies into completions. The core knows it as a session
 * that says hello with the client's token or cookie, or with a name that is made up. The first call that names a user begins another
 * session over the same wire, which takes the place of the first at once: no event is missing or comes twice.
 */
export class HubClient {
  readonly #hub: Hub
  readonly #wire: Wire
  readonly #info: ClientInfo
  readonly #identity: Identity
  #view: View
  #session: Session | undefined
  /** The session that will take the place of the present one. */
  #next: Session | undefined
  #protocol: HubProtocol | undefined
  #flavour: Flavour = 'none'
  #state: 'connected' | 'opening' | 'open' | 'ended' = 'connected'
  readonly #calls: ClientCalls
  readonly #dispatcher: Dispatcher
  readonly #pausedBy = new Set<object>()
  readonly #silence: Silence

  constructor(hub: Hub, wire: Wire, info: ClientInfo, token: string | undefined) {
    this.#hub = hub
    this.#wire = wire
    this.#info = info
    this.#identity = new Identity(token)
    this.#calls = new ClientCalls(hub.calls)
    this.#dispatcher = new Dispatcher(hub.host, this.#createCaller())
    this.#view = this.#createView()
    this.#silence = new Silence(hub.host.clock)
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
            this.#dispatcher.take(message)
            break
          case MessageType.CancelInvocation:
            this.#dispatcher.cancel(message.invocationId)
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
      if (session !== undefined) host.disconnected(session, reason, clean || !this.#identity.hasToken)
    }
    this.#end()
  }

  /** Acknowledges what has come, and sends a ping if the client was sent nothing for `silence` (ms). Call it every second. */
  keepAlive(silence: number): void {
    if (this.#state !== 'open') return
    this.#wire.acknowledge?.()
    if (!this.#silence.check(silence) || !this.#wire.needsPings || this.#protocol === undefined) return
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
    this.#enter(session, this.#identity.hello(), [this.#hub.host.lobby], (result) => {
      if (result.type === 'error') {
        session.close('policy', result.message)
        return
      }
      this.#identity.entered(session.user?.name)
      this.#state = 'open'
      // This is written at once, and events at the end of this turn of the event loop.
      this.#wire.control(writeHandshake())
      if (handshake.version === resumableVersion) this.#wire.countMessages?.(handshake.protocol)
      this.#show('plain')
      this.#dispatcher.proceed()
    })
    return handshake.rest
  }

  /** Says hello for a session, and joins rooms. */
  #enter(
    session: Session,
    hello: Frame,
    rooms: string[],
    done: (result: Admission, missed: ServerFrames['left'][]) => void,
  ): void {
    enter((frame, answer) => this.#request(session, frame, answer), hello, rooms, done)
  }

  /**
   * Takes another name: begins a session that says `hello`, joins the rooms of the present one, and takes its place. It waits for the
   * replies to earlier calls.
   */
  #become(hello: Frame, done: (result: Admission) => void): void {
    this.#calls.whenAnswered(() => {
      const { host } = this.#hub
      const old = this.#session
      if (old === undefined || this.isEnded) return
      const view = this.#createView()
      const session = host.open(view, { ...this.#info, cookie: undefined })
      if (session === undefined) return
      this.#next = session
      this.#enter(session, hello, [...old.rooms], (result, missed) => {
        this.#next = undefined
        if (result.type === 'error') {
          host.disconnected(session, 'client', true)
        } else {
          // The events of this turn of the event loop go out by the old session. Those of the new one are the same, and go nowhere.
          old.flush()
          session.flush()
          host.disconnected(old, 'client', true)
          this.#pausedBy.delete(this.#view)
          this.#view = view
          this.#session = session
          this.#identity.became(hello)
          this.#show(this.#flavour)
          for (const left of missed) session.reply(left)
        }
        done(result)
      })
    })
  }

  /** Sends a frame of the client to the core. */
  #request(session: Session, frame: Frame, answer: Answer): void {
    this.#hub.host.receive(session, toJson(frame, this.#expect(answer)))
  }

  #expect(answer: Answer): number {
    return this.#calls.expect((reply) => (this.isEnded ? undefined : answer(reply)))
  }

  /** Sets how the client gets events. A client that has asked for whole ones gets them for good. */
  #show(flavour: Flavour): void {
    if (this.#flavour !== 'events') this.#flavour = flavour
    if (this.#protocol === undefined) return
    const shared = this.#hub.codecs.of(this.#protocol, this.#flavour)
    this.#view.codec = this.#dispatcher.streams.codec(shared, this.#protocol)
  }

  #createCaller(): Caller {
    const client = this
    return {
      get session() {
        return client.#session
      },
      get protocol() {
        return client.#protocol
      },
      get isEnded() {
        return client.isEnded
      },
      get isSignedIn() {
        return client.#identity.isSignedIn
      },
      keepsToken() {
        client.#identity.keepsToken()
      },
      request(frame, answer) {
        if (client.#session !== undefined) client.#request(client.#session, frame, answer)
      },
      expect: (answer) => client.#expect(answer),
      become: (hello, done) => client.#become(hello, done),
      show: (flavour = client.#flavour) => client.#show(flavour),
      push: (bytes) => bytes !== undefined && client.#session?.push(bytes),
      hold: () => client.#pause(client),
      release: () => client.#resume(client),
      guard: (work) => client.#guard(work),
    }
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
    this.#silence.wrote()
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
      if (session === undefined || (this.#identity.hasToken && session === this.#session)) continue
      // As above. The core would keep the name for a client that it has asked to come back.
      session.leaving = false
      this.#hub.host.disconnected(session, reason, true)
    }
  }

  #end(): void {
    this.#state = 'ended'
    this.#hub.clients.delete(this)
    this.#calls.end()
    this.#dispatcher.end()
  }
}
