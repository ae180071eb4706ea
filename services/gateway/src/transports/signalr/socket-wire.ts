import { type CloseReason, closeCodes } from '@rabble/contract'
import { encodeBinaryFrame, encodeTextFrames } from '../web-socket-frames.ts'
import { SocketConnection } from '../web-sockets.ts'

/** Frames with messages. Most go to many clients, all with the same protocol, so they are encoded once. */
const frames = new WeakMap<Buffer, Buffer>()

/** A WebSocket. Each of its frames carries one or more whole messages. */
export class SocketWire extends SocketConnection {
  #binary = false

  carry(bytes: boolean): void {
    this.#binary = bytes
  }

  write(pieces: readonly Buffer[]): void {
    this.writeFrames(pieces.map((piece) => this.#frameOf(piece)))
  }

  #frameOf(messages: Buffer): Buffer {
    let frame = frames.get(messages)
    if (frame === undefined) {
      frame = this.#binary ? encodeBinaryFrame(messages) : encodeTextFrames([messages])
      frames.set(messages, frame)
    }
    return frame
  }

  close(reason: CloseReason, message: string, last: Buffer): void {
    if (last.length > 0) this.write([last])
    this.finish(closeCodes[reason].code, message)
  }

  end(): void {
    this.finish(1000, '')
  }
}
