import { type AckMessage, MessageType, type SequenceMessage } from '@microsoft/signalr'
import type { CloseReason } from '@rabble/contract'
import { DrainWaits } from '../drain-waits.ts'
import type { ClientMessage, HubProtocol } from './hub-protocol.ts'
import type { SocketWire } from './socket-wire.ts'
import type { Wire } from './wire.ts'

/** One or more messages that the client has not acknowledged. */
interface Kept {
  /** Number of the last one. */
  last: number
  count: number
  bytes: Buffer
}

/**
 * A WebSocket, or several of them one after the other: a stateful reconnect (HubProtocol.md, "Stateful Reconnect"). Both sides count the
 * messages, except for control messages, and keep those that are not acknowledged. After a loss, the client opens another WebSocket,
 * and both sides send the messages that they kept. These count as unsent until they are acknowledged. For a client that does not ask for
 * it, this is a plain WebSocket.
 */
export class ResumableWire implements Wire {
  readonly takesBytes = true
  readonly needsPings = true
  #socket: SocketWire
  #isLost = false
  #isPaused = false
  /** The protocol in which messages are counted; undefined: they are not. */
  #protocol: HubProtocol | undefined
  #kept: Kept[] = []
  #keptBytes = 0
  #acknowledgedBytes = 0
  #isClosed = false
  /** Number of messages that were written. */
  #written = 0
  /** Numbers of the message that comes next, of the newest that came, and of the newest that was acknowledged. */
  #next = 1
  #received = 0
  #acknowledged = 0
  #awaitsSequence = false
  readonly #drains = new DrainWaits((bytes) => this.#isClosed || this.#keptBytes <= bytes)

  constructor(socket: SocketWire) {
    this.#socket = socket
  }

  /** Whether the client may go on with another WebSocket. */
  get isResumable(): boolean {
    return this.#protocol !== undefined && !this.#isClosed
  }

  get unsent(): number {
    return this.#protocol === undefined ? this.#socket.unsent : this.#keptBytes
  }

  get taken(): number {
    return this.#protocol === undefined ? this.#socket.taken : this.#acknowledgedBytes
  }

  get unfinishedSince(): number | undefined {
    return this.#isLost ? undefined : this.#socket.unfinishedSince
  }

  carry(bytes: boolean): void {
    this.#socket.carry(bytes)
  }

  countMessages(protocol: HubProtocol): void {
    this.#protocol = protocol
  }

  write(pieces: readonly Buffer[]): void {
    if (this.#protocol !== undefined) this.#keep(pieces, this.#protocol)
    if (!this.#isLost) this.#socket.write(pieces)
  }

  #keep(pieces: readonly Buffer[], protocol: HubProtocol): void {
    for (const bytes of pieces) {
      const count = protocol.count(bytes)
      this.#written += count
      this.#kept.push({ last: this.#written, count, bytes })
      this.#keptBytes += bytes.length
    }
  }

  control(bytes: Buffer): void {
    if (!this.#isLost) this.#socket.write([bytes])
  }

  receives(message: ClientMessage): boolean {
    if (this.#protocol === undefined) return true
    switch (message.type) {
      case MessageType.Ack:
        this.#forget(message.sequenceId)
        return true
      case MessageType.Sequence:
        if (message.sequenceId > this.#next) throw new Error('messages are missing')
        this.#next = message.sequenceId
        this.#awaitsSequence = false
        return true
      case MessageType.Ping:
      case MessageType.Close:
        return true
      default: {
        if (this.#awaitsSequence) return false
        const number = this.#next++
        if (number <= this.#received) return false
        this.#received = number
        return true
      }
    }
  }

  acknowledge(): void {
    if (this.#received === this.#acknowledged || this.#isLost) return
    this.#acknowledged = this.#received
    this.#control({ type: MessageType.Ack, sequenceId: this.#received })
  }

  /** Notes that a WebSocket is gone. Returns false if it is not the present one. */
  lose(socket: SocketWire): boolean {
    if (socket !== this.#socket) return false
    this.#isLost = true
    return true
  }

  /** Goes on with another WebSocket. */
  goOn(socket: SocketWire): void {
    this.#socket.terminate()
    this.#socket = socket
    this.#isLost = false
    this.#awaitsSequence = true
    this.#acknowledged = 0
    socket.carry(this.#protocol?.binary ?? false)
    const [first] = this.#kept
    const sequenceId = first === undefined ? this.#written + 1 : first.last - first.count + 1
    this.#control({ type: MessageType.Sequence, sequenceId })
    socket.write(this.#kept.map(({ bytes }) => bytes))
    if (this.#isPaused) socket.pause()
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  ping(): void {
    if (!this.#isLost) this.#socket.ping()
  }

  close(reason: CloseReason, message: string, last: Buffer): void {
    this.#socket.close(reason, message, last)
    this.#closed()
  }

  end(): void {
    this.#socket.end()
    this.#closed()
  }

  terminate(): void {
    this.#socket.terminate()
    this.#closed()
  }

  drained(bytes: number): Promise<void> {
    if (this.#protocol === undefined) return this.#socket.drained(bytes)
    return this.#drains.drained(bytes)
  }

  #control(message: AckMessage | SequenceMessage): void {
    if (this.#protocol !== undefined) this.control(this.#protocol.write(message))
  }

  /** Forgets the messages up to this number. */
  #forget(number: number): void {
    let done = 0
    for (const { last, bytes } of this.#kept) {
      if (last > number) break
      done++
      this.#keptBytes -= bytes.length
      this.#acknowledgedBytes += bytes.length
    }
    this.#kept.splice(0, done)
    this.#drains.check()
  }

  #closed(): void {
    this.#isClosed = true
    this.#kept = []
    this.#keptBytes = 0
    this.#drains.check()
  }
}
