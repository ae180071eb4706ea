import type { LogBatch } from '@rabble/event-log'
import { connectChat, until } from '@rabble/harness'
import type { HistoryClient } from '@rabble/history/client'
import type { Test } from 'tap'
import { build } from './build.ts'
import type { MemoryLog } from './memory-log.ts'

/** Returns a log as it is read by a gateway that was cut off, while the events that it missed passed out of retention. */
function tornLog(log: MemoryLog): { log: MemoryLog; cut: boolean; missed: number } {
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

/** Lets a user come back to a room of which the gateway has missed a message. */
export async function comeBackOverGap(t: Test, log: MemoryLog, history?: HistoryClient): Promise<void> {
  const room = 'torn'
  const torn = tornLog(log)
  const { ws } = await build(t, { log: torn.log, history })
  const writer = await connectChat(t, ws, { name: 'Writer' })
  await writer.join(room)
  const before = await writer.send(room, 'before')
  await writer.sees(before.id)

  torn.cut = true
  const missed = await writer.send(room, 'missed')
  await until(() => torn.missed > 0, 60_000, 'the loss')
  torn.cut = false
  const behind = await writer.send(room, 'behind')
  await writer.sees(behind.id)
  t.notOk(writer.events(room).some(({ id }) => id === missed.id))

  const reader = await connectChat(t, ws, { name: 'Reader', timeout: 120_000 })
  const { complete, events } = await reader.join(room, { after: before.id })
  t.equal(complete, history !== undefined)
  t.strictSame(
    events.map(({ id }) => id),
    history === undefined ? [behind.id] : [missed.id, behind.id],
  )
  const other = await reader.join('other')
  t.equal(other.complete, false, 'of no room it is known any more that there was nothing in it')
}
