import { constants, inflateRawSync } from 'node:zlib'
import type { WebSocket } from 'ws'

/** Part of the library's extension (`PerMessageDeflate`) that a connection uses to inflate messages. */
interface Inflater {
  decompress(data: Buffer, fin: boolean, callback: (error: Error | null, message?: Buffer) => void): void
}

/** Bytes that most messages of clients have at most. */
const chunkSize = 1024

/**
 * Inflates the messages of a client within the turn of the event loop in which they arrive. The library would hand each to another
 * thread, and keep a context for each connection. That costs three times as much CPU time, and messages that arrived together would not be
 * published together.
 *
 * The library still does it for messages in fragments, and for those that can't be inflated or exceed `maxBytes`: it closes the
 * connection with the right code then. It would do it for all messages if it did not have this property any more.
 */
export function inflateAtOnce(socket: WebSocket, maxBytes: number): void {
  const { _extensions: extensions } = socket as WebSocket & { _extensions?: Record<string, Inflater> }
  const inflater = extensions?.['permessage-deflate']
  if (inflater === undefined) return
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes, chunkSize }
  const inflate = inflater.decompress.bind(inflater)
  let isCut = false
  inflater.decompress = (data, fin, callback) => {
    const isWhole = fin && !isCut
    isCut = !fin
    const message = isWhole ? inflated(data) : undefined
    if (message === undefined) inflate(data, fin, callback)
    // The library does not expect a result before this call returns.
    else process.nextTick(callback, null, message)
  }

  function inflated(data: Buffer): Buffer | undefined {
    try {
      return inflateRawSync(data, options)
    } catch {
      return undefined
    }
  }
}
