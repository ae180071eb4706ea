import type { ServerResponse } from 'node:http'
import type { Socket as TcpSocket } from 'node:net'
import type { Clock } from '@rabble/clock'
import { type CloseReason, closeCodes } from '@rabble/contract'
import type { Socket as EngineSocket } from 'engine.io'
import type { WebSocket } from 'ws'
import type { Codec, Connection, Reply } from '../../sessions/connection.ts'
import { DrainWaits } from '../drain-waits.ts'
import type { FrameProgress } from '../frame-progress.ts'
import { ReadingGate } from '../reading-gate.ts'
import { Entering } from './entering.ts'
import { disconnectPacket, encodeEvent, packetsOf } from './framing.ts'

/** Time (ms) that a client has to answer a close frame, or to poll for the end. */
const closeTimeout = 2_000
const pollTimeout = 15_000
/** Size (bytes) at which a packet that waits in the library is counted, besides its content. */
const packetBytes = 128

/** Close codes of a client that leaves on purpose. 1005 is a close frame without a code. */
const cleanCloseCodes: ReadonlySet<number> = new Set([1000, 1001, 1005])

/** The library's socket, with parts that its types hide. Its version is pinned. */
interface Engine extends Pick<EngineSocket, 'on' | 'once' | 'removeAllListeners' | 'close' | 'protocol'> {
  write(packet: string, options: { compress: boolean; wsPreEncodedFrame?: readonly Buffer[] }): unknown
  /** Packets that wait for the transport. */
  readonly writeBuffer: readonly unknown[]
  sendPacket(type: 'ping'): void
  flush(): void
  readonly transport: {
    readonly name: string
    /** Whether packets are handed to the network at once. */
    writable: boolean
    readonly socket?: WebSocket
    /** Time (ms) for which the end of polling waits for the next poll. */
    closeTimeout?: number
    on(event: 'drain', listener: () => void): void
    once(event: 'ready', listener: () => void): void
    removeAllListeners(event: 'packet'): void
  }
}

/** A WebSocket that the gateway has accepted. */
export interface Upgraded {
  tcp: TcpSocket
  progress: FrameProgress
}

/** A client's connection over Engine.IO: long polling, a WebSocket, or first the one and then the other. */
export class EngineConnection implements Connection {
  readonly #engine: Engine
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #upgraded: (socket: WebSocket) => Upgraded | undefined
  readonly #pinged: () => void
  readonly #entering: Entering
  #entered = false
  #closed = false
  /** How it is being closed by the gateway. */
  #ending: { code: number; message: string } | undefined
  #clean = false
  #failure: string | undefined
  /** Bytes that wait in the library, and that the response to a poll has not passed on yet. */
  #queuedBytes = 0
  #inFlight = 0
  /** Bytes that responses have passed on. */
  #polledBytes = 0
  #response: ServerResponse | undefined
  /** Responses that the client has not read yet. */
  readonly #unread = new Set<ServerResponse>()
  #socket: WebSocket | undefined
  /** The WebSocket that was probed last. */
  #probe: WebSocket | undefined
  #tcp: TcpSocket | undefined
  #progress: FrameProgress | undefined
  readonly #gate = new ReadingGate()
  readonly #drains = new DrainWaits((bytes) => this.#closed || this.unsent <= bytes)

  /** `upgraded` returns what is known of a WebSocket. `pinged` is called for a ping of the WebSocket. */
  constructor(
    engine: EngineSocket,
    options: {
      codec: Codec
      clock: Clock
      upgraded(socket: WebSocket): Upgraded | undefined
      pinged(): void
    },
  ) {
    const { codec, clock, upgraded, pinged } = options
    this.#engine = engine as unknown as Engine
    this.#codec = codec
    this.#clock = clock
    this.#upgraded = upgraded
    this.#pinged = pinged
    this.#entering = new Entering(codec)
    engine.on('flush', () => this.#flushed())
    engine.on('upgrading', ({ socket }: Engine['transport']) => this.#probed(socket))
    engine.on('upgrade', () => {
      this.#takeTransport()
      // It was closed meanwhile.
      if (this.#ending !== undefined) this.#finish(this.#ending.code, this.#ending.message)
    })
    engine.on('close', () => {
      this.#end()
      clock.setTimeout(() => this.#drop(), closeTimeout).unref()
    })
    this.#takeTransport()
  }

  get codec(): Codec {
    return this.#entered ? this.#codec : this.#entering.codec
  }

  get unsent(): number {
    const queued =
      this.#entering.heldBytes + this.#queuedBytes + packetBytes * this.#engine.writeBuffer.length
    return queued + this.#inFlight + (this.#tcp?.writableLength ?? 0)
  }

  get taken(): number {
    const { bytesWritten = 0, writableLength = 0 } = this.#tcp ?? {}
    return this.#polledBytes + bytesWritten - writableLength
  }

  get unfinishedSince(): number | undefined {
    return this.#progress?.unfinishedSince
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether the client closed its WebSocket on purpose. */
  get clean(): boolean {
    return this.#clean
  }

  /** Code of the error for which the library of WebSockets ended the connection. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Notes that the next reply with this `ref` is for the gateway. Resolves with it; undefined if the connection ends before. */
  reply(ref: string): Promise<Reply | undefined> {
    return this.#closed ? Promise.resolve(undefined) : this.#entering.reply(ref)
  }

  /** Sends the first event, and everything that came for the client while it was entering. */
  enter(first: Buffer): void {
    if (this.#closed) return
    this.#entered = true
    this.#send([first, ...this.#entering.end()])
  }

  /** Notes the response by which a poll will be answered. */
  polled(response: ServerResponse): void {
    this.#response = response
  }

  write(pieces: readonly Buffer[]): void {
    if (this.#closed) return
    if (this.#entered) this.#send(pieces)
    else this.#entering.hold(pieces)
  }

  pause(): void {
    this.#socket?.pause()
    if (!this.#closed) this.#gate.pause()
  }

  resume(): void {
    this.#gate.resume()
    const socket = this.#socket
    if (socket !== undefined && socket.readyState === socket.OPEN) socket.resume()
  }

  /** Resolves when the packets of a request may be read. */
  reading(): Promise<void> | undefined {
    return this.#gate.reading()
  }

  /** In version 3 of Engine.IO the client sends the pings. */
  ping(): void {
    if (this.#engine.protocol !== 3) this.#engine.sendPacket('ping')
  }

  close(reason: CloseReason, message: string): void {
    if (this.#closed) return
    const { code, retry } = closeCodes[reason]
    this.#corked(() => {
      if (this.#entered) this.#send([encodeEvent('event', { type: 'close', code, reason: message })])
      // A client whose connection was merely lost connects again.
      if (this.#entered && !retry) this.#send([disconnectPacket])
    })
    this.#finish(code, message)
  }

  /** Ends the connection of a client that has left. */
  leave(): void {
    if (!this.#closed) this.#finish(1000, '')
  }

  #finish(code: number, message: string): void {
    this.#ending = { code, message }
    const socket = this.#socket
    this.#end()
    if (socket === undefined) this.#finishPolling()
    else {
      const close = () => {
        socket.close(code, message)
        // Otherwise the client's answer would never be read from a paused connection.
        socket.resume()
      }
      if (this.#engine.writeBuffer.length === 0) close()
      else this.#engine.once('drain', close)
    }
    this.#clock.setTimeout(() => this.terminate(), socket === undefined ? pollTimeout : closeTimeout).unref()
  }

  /** Ends the polling by an answer of its own: the library of a client forgets what came with the end. */
  #finishPolling(): void {
    const { transport } = this.#engine
    if (transport.writable) this.#engine.close()
    else transport.once('ready', () => this.#finishPolling())
  }

  terminate(): void {
    this.#end()
    this.#socket?.terminate()
    this.#response?.destroy()
    this.#drop()
    this.#engine.close(true)
  }

  /** Drops the responses that the client does not read. */
  #drop(): void {
    for (const response of this.#unread) response.destroy()
  }

  drained(bytes: number): Promise<void> {
    return this.#drains.drained(bytes)
  }

  /** Hands pieces to the library, which keeps their order with its own packets, also while the transport changes. */
  #send(pieces: readonly Buffer[]): void {
    const engine = this.#engine
    const [only] = pieces
    const piece = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces)
    if (piece.length === 0) return
    this.#queuedBytes += piece.length
    if (this.#socket !== undefined) {
      // Any number of frames may be in the place of one.
      engine.write('', { compress: false, wsPreEncodedFrame: [piece] })
      return
    }
    const packets = pieces.flatMap((each) => (each.length === 0 ? [] : packetsOf(each)))
    this.#corked(() => {
      for (const packet of packets) engine.write(packet, { compress: false })
    })
  }

  /** Lets all packets that are sent meanwhile leave in one response. */
  #corked(send: () => void): void {
    const { transport } = this.#engine
    const { writable } = transport
    transport.writable = false
    send()
    transport.writable = writable
    this.#engine.flush()
  }

  /** Notes that the client has tried a WebSocket. Each try is answered, and nothing else limits them: one is enough. */
  #probed(socket: WebSocket | undefined): void {
    if (socket === this.#probe) socket?.terminate()
    this.#probe = socket
  }

  #takeTransport(): void {
    const { transport } = this.#engine
    transport.on('drain', this.#drains.check)
    const { socket } = transport
    // Half a minute otherwise, for which no process could end.
    if (transport.closeTimeout !== undefined) transport.closeTimeout = closeTimeout
    if (socket === undefined) return
    const upgraded = this.#upgraded(socket)
    this.#socket = socket
    this.#tcp = upgraded?.tcp
    this.#progress = upgraded?.progress
    this.#tcp?.on('drain', this.#drains.check)
    // Before the listeners of the library, which end the connection without these codes.
    socket.prependListener('close', (code: number) => {
      this.#clean = cleanCloseCodes.has(code)
    })
    socket.prependListener('error', (error: Error) => {
      if ('code' in error) this.#failure = String(error.code)
    })
    socket.on('ping', () => this.#pinged())
    if (this.#gate.isPaused) socket.pause()
  }

  /** Called when everything that waited is handed to the transport. */
  #flushed(): void {
    const bytes = this.#queuedBytes
    this.#queuedBytes = 0
    const response = this.#response
    if (this.#socket !== undefined || response === undefined) return
    this.#inFlight += bytes
    this.#unread.add(response)
    response.once('close', () => {
      this.#unread.delete(response)
      this.#inFlight -= bytes
      this.#polledBytes += bytes
      this.#drains.check()
    })
  }

  /** Notes that nothing more is written or read. */
  #end(): void {
    this.#closed = true
    // Answers to what comes now would pile up: the client need not read them.
    this.#engine.removeAllListeners('data')
    this.#engine.transport.removeAllListeners('packet')
    this.#entering.end()
    this.#gate.resume()
    this.#drains.check()
  }
}
