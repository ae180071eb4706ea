import { constants, inflateRawSync } from 'node:zlib'
import type { Clock } from '@rabble/clock'
import { TokenBucket } from '@rabble/service'
import type { WebSocket } from 'ws'

type Callback = (error: Error | null, message?: Buffer) => void

/** Part of the library's extension (`PerMessageDeflate`) that a connection uses to inflate messages. */
interface Inflater {
  decompress(data: Buffer, fin: boolean, callback: Callback): void
}

/** Bytes that most messages of clients have at most. */
const chunkSize = 1024

/** Factor by which messages may grow at any rate. Texts hardly ever grow by more. */
const usualGrowth = 8
/** Maximum rate (bytes a second) and burst (bytes) of growth beyond that. */
const growthPerSecond = 512 * 1024
const growthBurst = 1024 * 1024

const nothing = Buffer.alloc(0)

/**
 * Inflates the messages of a client within the turn of the event loop in which they arrive. The library would hand each to another
 * thread, and keep a context for each connection. That costs three times as much CPU time, and messages that arrived together would not be
 * published together.
 *
 * A message must not exceed `maxBytes`. Few bytes can inflate to many, which cost as much as if they had been sent, and wait in memory
 * behind a slow command. So the growth is limited too: a client that exceeds it is closed, as for a message that is too large.
 *
 * The library still does it for messages that can't be inflated: it closes the connection with the right code then. It would do it for all
 * messages if it did not have this property any more.
 */
export function inflateAtOnce(socket: WebSocket, maxBytes: number, clock: Clock): void {
  const { _extensions: extensions } = socket as WebSocket & { _extensions?: Record<string, Inflater> }
  const inflater = extensions?.['permessage-deflate']
  if (inflater === undefined) return
  const failing = inflater.decompress.bind(inflater)
  let fragments: Buffer[] = []
  let growth: TokenBucket | undefined
  inflater.decompress = (data, fin, callback) => {
    fragments.push(data)
    // The library does not expect a result before this call returns.
    if (!fin) return process.nextTick(callback, null, nothing)
    const [first, ...others] = fragments
    const whole = first === undefined || others.length > 0 ? Buffer.concat(fragments) : first
    fragments = []
    try {
      process.nextTick(callback, null, inflated(whole))
    } catch (error) {
      // One byte too many, for which the library closes the connection.
      if (isTooLarge(error)) process.nextTick(callback, null, Buffer.alloc(maxBytes + 1))
      else failing(whole, true, callback)
    }
  }

  function inflated(data: Buffer): Buffer {
    const usual = Math.min(maxBytes, data.length * usualGrowth)
    const now = clock.monotonic()
    const maxOutputLength = growth === undefined || growth.wait(now) === 0 ? maxBytes : Math.max(1, usual)
    const message = inflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength, chunkSize })
    if (message.length > usual) {
      growth ??= new TokenBucket(growthPerSecond, growthBurst, now)
      growth.spend(now, message.length - usual)
    }
    return message
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}
