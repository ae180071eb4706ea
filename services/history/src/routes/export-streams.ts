import { Readable } from 'node:stream'
import type { Clock, Timer } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'

type Chunks = AsyncGenerator<string, void, undefined>

export interface ExportStreams {
  /**
   * A stream of chunks that are made when it is read. It fails if making them fails, if nobody reads it for long, and on
   * `close`; whoever sends it must then break the connection off, so that the client can tell. `sharers` are as
   * `sharersOf` names them.
   * @throws RabbleError `rate-limited` if one of `sharers` has too many, `unavailable` if all together have, and what making
   *   the first chunk throws
   */
  open(sharers: readonly string[], chunks: Chunks): Promise<Readable>
  close(): void
}

export interface ExportLimits {
  /** Streams at a time, and of each sharer. */
  most: number
  maxOfEach: number
  /** Milliseconds in which the reader of a stream must take something. */
  timeout: number
  /** Characters a second that the reader must take in the mean, beyond the first `timeout`: a place is not for ever. */
  bytesPerSecond: number
}

export function createExportStreams(
  clock: Clock,
  { most, maxOfEach, timeout, bytesPerSecond }: ExportLimits,
): ExportStreams {
  const streams = new Set<Readable>()
  /** The sharers of each place that is taken. */
  const places = new Set<readonly string[]>()

  function checkPlace(sharers: readonly string[]): void {
    const all = [...places].flat()
    if (sharers.some((sharer) => all.filter((other) => other === sharer).length >= maxOfEach)) {
      throw new RabbleError('rate-limited', 'too many exports of yours at once', { retryAfter: 5_000 })
    }
    if (places.size >= most) {
      throw new RabbleError('unavailable', 'too many exports at once', { retryAfter: 5_000 })
    }
  }

  return {
    async open(sharers, chunks) {
      checkPlace(sharers)
      const place = [...sharers]
      places.add(place)
      // Before the head of the answer goes out: a database that is down can still be told.
      const first = await chunks.next().catch((error: unknown) => {
        places.delete(place)
        throw error
      })
      let timer: Timer | undefined
      /** Milliseconds that the reader has left. */
      let left = timeout
      let handedAt = clock.monotonic()
      const stream = Readable.from(
        watched(first, chunks, {
          handed(size) {
            handedAt = clock.monotonic()
            left += (size / bytesPerSecond) * 1_000
            timer = clock.setTimeout(
              () => stream.destroy(new Error('the export is read too slowly')),
              Math.min(left, timeout),
            )
          },
          taken() {
            timer?.cancel()
            left -= clock.monotonic() - handedAt
          },
        }),
        { objectMode: false, highWaterMark: 64 * 1024 },
      )
      streams.add(stream)
      stream.once('close', () => {
        timer?.cancel()
        streams.delete(stream)
        places.delete(place)
      })
      return stream
    },
    close() {
      for (const stream of streams) stream.destroy(new Error('history is stopping'))
    },
  }
}

/** The chunks, of which the first was read. Tells when one is handed out, and when the next one is asked for. */
async function* watched(
  first: IteratorResult<string, void>,
  rest: Chunks,
  reader: { handed(size: number): void; taken(): void },
): AsyncGenerator<string, void, undefined> {
  try {
    for (let chunk = first; !chunk.done; chunk = await rest.next()) {
      reader.handed(chunk.value.length)
      yield chunk.value
      reader.taken()
    }
  } finally {
    await rest.return()
  }
}
