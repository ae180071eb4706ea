import { Readable } from 'node:stream'
import type { Clock, Timer } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'

type Chunks = AsyncGenerator<string, void, undefined>

export interface ExportStreams {
  /**
   * A stream of chunks that are made when it is read. It fails if making them fails, if nobody reads it for long, and on
   * `close`; whoever sends it must then break the connection off, so that the client can tell.
   * @throws RabbleError `unavailable` if there are too many, of `caller` or of all, and what making the first chunk throws
   */
  open(caller: string, chunks: Chunks): Promise<Readable>
  close(): void
}

export interface ExportLimits {
  /** Streams at a time, and of one caller. */
  most: number
  mostOfCaller: number
  /** Milliseconds in which the reader of a stream must take something. */
  patience: number
}

export function createExportStreams(
  clock: Clock,
  { most, mostOfCaller, patience }: ExportLimits,
): ExportStreams {
  const streams = new Set<Readable>()
  /** The caller of each place that is taken. */
  const taken: string[] = []

  return {
    async open(caller, chunks) {
      if (taken.length >= most || taken.filter((other) => other === caller).length >= mostOfCaller) {
        throw new RabbleError('unavailable', 'too many exports at once', { retryAfter: 5_000 })
      }
      taken.push(caller)
      const release = () => taken.splice(taken.indexOf(caller), 1)
      // Before the head of the answer goes out: a database that is down can still be told.
      const first = await chunks.next().catch((error: unknown) => {
        release()
        throw error
      })
      let timer: Timer | undefined
      const stream = Readable.from(
        watched(first, chunks, () => {
          timer?.cancel()
          timer = clock.setTimeout(() => stream.destroy(new Error('nobody reads the export')), patience)
        }),
        { objectMode: false, highWaterMark: 64 * 1024 },
      )
      streams.add(stream)
      stream.once('close', () => {
        timer?.cancel()
        streams.delete(stream)
        release()
      })
      return stream
    },
    close() {
      for (const stream of streams) stream.destroy(new Error('history is stopping'))
    },
  }
}

/** The chunks, of which the first was read. Calls `onChunk` whenever one is handed out. */
async function* watched(
  first: IteratorResult<string, void>,
  rest: Chunks,
  onChunk: () => void,
): AsyncGenerator<string, void, undefined> {
  try {
    for (let chunk = first; !chunk.done; chunk = await rest.next()) {
      onChunk()
      yield chunk.value
    }
  } finally {
    await rest.return()
  }
}
