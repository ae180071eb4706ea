import type { CloseReason } from '@rabble/contract'
import type { Connection } from '../../sessions/connection.ts'
import type { ClientMessage, HubProtocol } from './hub-protocol.ts'

/** A client's connection over one of the three transports of SignalR. It carries whole messages of the hub protocol. */
export interface Wire
  extends Pick<
    Connection,
    'unsent' | 'taken' | 'unfinishedSince' | 'write' | 'pause' | 'resume' | 'ping' | 'drained'
  > {
  /** Whether it can carry bytes, and not only text. */
  readonly takesBytes: boolean
  /** Whether the client must be sent a ping now and then. One that polls needs none. */
  readonly needsPings: boolean
  /** Writes a message that is not counted: an answer to the handshake, a ping, or an acknowledgement. */
  control(bytes: Buffer): void
  /** Returns whether a message is to be carried out. It is not if it came already. Default: true. */
  receives?(message: ClientMessage): boolean
  /** Counts messages from now on, for a client that wants to go on after a loss. Absent: it can't. */
  countMessages?(protocol: HubProtocol): void
  /** Acknowledges what has come, if it was not. */
  acknowledge?(): void
  /** Sets whether messages are bytes from now on. */
  carry(bytes: boolean): void
  /** Writes a last message, and closes the connection. */
  close(reason: CloseReason, message: string, last: Buffer): void
  /** Closes the connection of a client that has left. */
  end(): void
  /** Drops the connection. */
  terminate(): void
}
