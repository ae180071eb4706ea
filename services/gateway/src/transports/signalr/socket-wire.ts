import { type CloseReason, closeCodes } from '@rabble/contract'
import { SocketConnection } from '../web-sockets.ts'

/** A WebSocket. Each of its frames carries one or more whole messages. */
export class SocketWire extends SocketConnection {
  #binary = false

  carry(bytes: boolean): void {
    this.#binary = bytes
  }

  write(pieces: readonly Buffer[]): void {
    if (!this.isOpen) return
    this.tcp.cork()
    for (const piece of pieces) this.socket.send(piece, { binary: this.#binary })
    this.tcp.uncork()
  }

  close(reason: CloseReason, message: string, last: Buffer): void {
    if (last.length > 0) this.write([last])
    this.finish(closeCodes[reason].code, message)
  }

  end(): void {
    this.finish(1000, '')
  }
}
