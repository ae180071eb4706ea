import type { Readable } from 'node:stream'

/** Keeps the end of a process's output, to bound the memory of a long test. */
export interface OutputTail {
  follow(stream: Readable): void
  note(line: string): void
  text(): string
  /** Calls `listener` with the text so far, and with all that follows. */
  copy(listener: (chunk: Buffer) => void): void
}

export function createOutputTail(maxBytes = 256 * 1024): OutputTail {
  const chunks: Buffer[] = []
  const listeners: ((chunk: Buffer) => void)[] = []
  let bytes = 0
  let cut = false

  function append(chunk: Buffer): void {
    for (const listener of listeners) listener(chunk)
    chunks.push(chunk)
    bytes += chunk.length
    while (bytes > maxBytes && chunks.length > 1) {
      bytes -= chunks.shift()?.length ?? 0
      cut = true
    }
  }

  return {
    follow: (stream) => void stream.on('data', append).on('error', () => {}),
    note: (line) => append(Buffer.from(`[harness] ${line}\n`)),
    text: () => (cut ? '[harness] earlier output is dropped\n' : '') + Buffer.concat(chunks).toString(),
    copy(listener) {
      for (const chunk of chunks) listener(chunk)
      listeners.push(listener)
    },
  }
}
