import { type CompletionMessage, MessageType } from '@microsoft/signalr'
import { RabbleError, type ServerFrames } from '@rabble/contract'
import type { Reply } from '../../sessions/connection.ts'
import type { Session } from '../../sessions/session.ts'
import { toJson } from '../frame-json.ts'
import type { SessionHost } from '../transport.ts'
import type { Answer } from './calls.ts'
import type { Flavour } from './codec.ts'
import type { HubProtocol, Invocation } from './hub-protocol.ts'
import { type Frame, isAnswered, type Plan, planOf } from './methods.ts'
import { errorOf, frameOf, withoutRef } from './replies.ts'
import { Streams } from './streams.ts'

/** Number of calls that wait for a change of the name at which reading from the client stops. */
const maxWaiting = 64

/** The reply to `hello`. */
export type Admission = ServerFrames['welcome'] | ServerFrames['error']

/** The client, as the dispatcher of its calls sees it. */
export interface Caller {
  readonly session: Session | undefined
  readonly protocol: HubProtocol | undefined
  readonly isEnded: boolean
  /** Whether a token or a cookie decides who it is, and no call. */
  readonly isSignedIn: boolean
  /** Notes that the client has a token, with which it can come back as the same user. */
  keepsToken(): void
  /** Sends a frame of the client to the core. */
  request(frame: Frame, answer: Answer): void
  /** Returns the `ref` of a frame that will have a reply. */
  expect(answer: Answer): number
  /** Takes another name. `done` gets the welcome or the error. */
  become(hello: Frame, done: (result: Admission) => void): void
  /** Sets how the client gets events. Default: as before, but with other streams. */
  show(flavour?: Flavour): void
  push(bytes: Buffer | undefined): void
  /** Stops and resumes reading from the client. */
  hold(): void
  release(): void
  /** Does something with messages of the client. It ends the connection if one breaks the rules. */
  guard(work: () => void): void
}

/** Turns the calls of one client into frames of the native protocol, and the replies into completions. */
export class Dispatcher {
  readonly streams = new Streams()
  readonly #host: SessionHost
  readonly #caller: Caller
  /** Whether calls wait, at first for the welcome. */
  #isBusy = true
  #waiting: Invocation[] = []

  constructor(host: SessionHost, caller: Caller) {
    this.#host = host
    this.#caller = caller
  }

  /** Carries out a call, now or after those that wait. */
  take(call: Invocation): void {
    if (!this.#isBusy) {
      this.#invoke(call)
      return
    }
    this.#waiting.push(call)
    if (this.#waiting.length === maxWaiting) this.#caller.hold()
  }

  /** Carries out the calls that waited. */
  proceed(): void {
    this.#isBusy = false
    const waiting = this.#waiting
    this.#waiting = []
    this.#caller.release()
    this.#caller.guard(() => {
      for (const call of waiting) this.take(call)
    })
  }

  #invoke(call: Invocation): void {
    const session = this.#caller.session
    if (session === undefined || this.#caller.isEnded) return
    const { target, invocationId } = call
    let plan: Plan
    try {
      plan = planOf(target, call.arguments, call.type === MessageType.StreamInvocation, this.#host.lobby)
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
    if (frame.type === 'hello' && !this.#caller.isSignedIn) {
      this.#become(frame, (result) => {
        this.#caller.show('events')
        if (result.type === 'welcome') this.#caller.keepsToken()
        return this.#completion(invocationId, { result: JSON.stringify(withoutRef(result)) })
      })
    } else if (name === undefined || name === session.user?.name) {
      this.#carryOut(plan, call, failed)
    } else if (this.#caller.isSignedIn) {
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

  /** Takes another name, while later calls wait. `then` returns what the client gets. */
  #become(hello: Frame, then: (result: Admission) => Buffer | undefined): void {
    this.#isBusy = true
    this.#caller.become(hello, (result) => {
      this.#caller.push(then(result))
      this.proceed()
    })
  }

  /** Notes a stream that begins when its room is joined. Returns why it can not. */
  #addStream(invocationId: string, room: string): RabbleError | undefined {
    const { roomsPerSession } = this.#host.limits
    if (this.streams.has(invocationId)) return new RabbleError('bad-frame', 'this stream is there already')
    if (this.streams.size >= roomsPerSession) {
      return new RabbleError('too-large', `a connection may have ${roomsPerSession} streams at a time`)
    }
    this.streams.add(invocationId, room)
    return undefined
  }

  /** Sends the frame of a call to the core. */
  #carryOut(plan: Plan, call: Invocation, failed: (message: string) => Buffer | undefined): void {
    const session = this.#caller.session
    if (session === undefined || this.#caller.isEnded) return
    const host = this.#host
    const { frame, flavour, result } = plan
    const { invocationId } = call
    if (plan.lobby && !session.rooms.has(host.lobby)) {
      host.receive(session, JSON.stringify({ type: 'join', room: host.lobby, recent: 0 }))
    }
    if (!isAnswered(frame)) {
      host.receive(session, toJson(frame, undefined))
      this.#caller.push(this.#completion(invocationId, {}))
      return
    }
    this.#caller.request(frame, (reply) => {
      const isStream = call.type === MessageType.StreamInvocation && invocationId !== undefined
      if (reply.type === 'error' && !plan.errors) {
        // The completion of a stream that was cancelled has been sent.
        if (isStream && this.streams.remove(invocationId) === undefined) return undefined
        return failed(errorOf(reply)?.message ?? '')
      }
      if (isStream) return this.#beginStream(invocationId, reply, 'after' in frame)
      if (flavour !== undefined) this.#caller.show(flavour)
      if (result === undefined || invocationId === undefined) return this.#completion(invocationId, {})
      return this.#completion(invocationId, { result: result(withoutRef(frameOf(reply))) })
    })
  }

  /** Answers a call with an error, which counts as a refused frame. */
  #refuse(error: RabbleError, answer: (message: string) => Buffer | undefined): void {
    this.#caller.session?.refuse(
      error,
      this.#caller.expect(() => answer(error.message)),
    )
  }

  /** Begins a stream of a room that was joined. `after`: whether the client asked for what it missed. */
  #beginStream(invocationId: string, reply: Reply, after: boolean): Buffer | undefined {
    const joined = frameOf(reply) as ServerFrames['joined']
    if (this.#caller.protocol === undefined) return undefined
    if (!this.streams.has(invocationId)) {
      // It was cancelled meanwhile.
      this.#leaveUnneeded(joined.room)
      return undefined
    }
    const items = this.streams.begin(this.#caller.protocol, invocationId, joined, after)
    this.#caller.show()
    return items
  }

  /** Ends a stream. */
  cancel(invocationId: string): void {
    this.#caller.session?.heardPing()
    const wasLive = this.streams.isLive(invocationId)
    const room = this.streams.remove(invocationId)
    if (room === undefined) return
    this.#caller.show()
    this.#caller.push(this.#completion(invocationId, {}))
    if (wasLive) this.#leaveUnneeded(room)
  }

  /** Leaves a room that was joined for a stream, if there is no other stream of it. */
  #leaveUnneeded(room: string): void {
    const session = this.#caller.session
    if (session === undefined || this.streams.covers(room) || room === this.#host.lobby) return
    if (session.rooms.has(room)) this.#caller.request({ type: 'leave', room }, () => undefined)
  }

  /** Drops the calls that wait. */
  end(): void {
    this.#waiting = []
  }

  #completion(
    invocationId: string | undefined,
    outcome: Pick<CompletionMessage, 'result' | 'error'>,
  ): Buffer | undefined {
    if (invocationId === undefined) return undefined
    return this.#caller.protocol?.write({ type: MessageType.Completion, invocationId, ...outcome })
  }
}
