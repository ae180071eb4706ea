import type { LogBatch } from '@rabble/event-log'
import type { MemoryLog } from './memory-log.ts'

/** A log as a gateway reads it that was cut off from it, while what it missed passed out of its retention. */
export function tornLog(log: MemoryLog): { log: MemoryLog; cut: boolean; missed: number } {
  const torn = { log: { ...log, read }, cut: false, missed: 0 }
  let missed: number | undefined
  async function* read(...args: Parameters<MemoryLog['read']>): AsyncIterable<LogBatch[]> {
    for await (const [first, ...others] of log.read(...args)) {
      if (first === undefined) continue
      if (torn.cut) {
        missed ??= first.offset
        torn.missed += 1 + others.length
      } else if (missed === undefined) yield [first, ...others]
      else {
        const gap = { expected: missed }
        missed = undefined
        yield [{ ...first, gap }, ...others]
      }
    }
  }
  return torn
}
