import type { Readable } from 'node:stream'

/** Keeps the end of a process's output, to bound the memory of a long test. */
export interface OutputTail {
  follow(stream: Readable): void
  note(line: string): void
  text(): string
}

export function createOutputTail(maxBytes = 256 * 1024): OutputTail {
  const chunks: Buffer[] = []
  let bytes = 0
  let cut = false

  function append(chunk: Buffer): void {
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
  }
}
