import { Readable } from 'node:stream'
import type { Clock, Timer } from '@rabble/clock'
import { createPlaces } from './places.ts'

type Chunks = AsyncGenerator<string, void, undefined>

export interface ExportStreams {
  /**
   * Opens a stream of chunks, which are made when it is read. The stream fails if making them fails, if nobody reads it for
   * long, and on `close`. The sender must then break the connection off, so that the client notices. `sharers` are named as by
   * `sharersOf`.
   * @throws RabbleError `rate-limited` if one of `sharers` has too many, `unavailable` if there are too many in all, and what
   * making the first chunk throws
   */
  open(sharers: readonly string[], chunks: Chunks): Promise<Readable>
  close(): void
}

export interface ExportLimits {
  /** Maximum number of concurrent streams, in all and of each sharer. */
  most: number
  maxOfEach: number
  /** Time (ms) within which the reader of a stream must take something. */
  timeout: number
  /** Mean characters per second that the reader must take, `timeout` aside: nobody may keep a place forever. */
  bytesPerSecond: number
}

export function createExportStreams(
  clock: Clock,
  { most, maxOfEach, timeout, bytesPerSecond }: ExportLimits,
): ExportStreams {
  const streams = new Set<Readable>()
  const places = createPlaces({ most, maxOfEach, of: 'exports' })

  return {
    async open(sharers, chunks) {
      const leave = places.take(sharers)
      // Before the head of the answer is sent: an error of the database can still be reported.
      const first = await chunks.next().catch((error: unknown) => {
        leave()
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
        leave()
      })
      return stream
    },
    close() {
      for (const stream of streams) stream.destroy(new Error('history is stopping'))
    },
  }
}

/** Yields the chunks, the first of which is read already. Reports when one is handed out, and when the next one is requested. */
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
