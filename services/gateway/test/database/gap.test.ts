import type { LogBatch } from '@rabble/event-log'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog, type MemoryLog } from '../memory-log.ts'

/** A log as somebody reads it who was cut off from it, and for whom meanwhile its retention passed. */
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

for (const remembers of [true, false]) {
  t.test(`who comes back over a gap ${remembers ? 'gets it from history' : 'is told'}`, async (t) => {
    const log = createMemoryLog()
    const torn = tornLog(log)
    const history = remembers ? await buildHistory(t, log) : undefined
    const { ws } = await build(t, { log: torn.log, history })
    const writer = await connectChat(t, ws, { name: 'Writer' })
    await writer.join('general')
    const before = await writer.send('general', 'before')
    await writer.sees(before.id)

    torn.cut = true
    const missed = await writer.send('general', 'missed')
    await until(() => torn.missed > 0, 60_000, 'the loss')
    torn.cut = false
    const behind = await writer.send('general', 'behind')
    await writer.sees(behind.id)
    t.notOk(writer.events('general').some(({ id }) => id === missed.id))

    const reader = await connectChat(t, ws, { name: 'Reader', timeout: 120_000 })
    const { complete, events } = await reader.join('general', { after: before.id })
    t.equal(complete, remembers)
    t.strictSame(
      events.map(({ id }) => id),
      remembers ? [missed.id, behind.id] : [behind.id],
    )
    const other = await reader.join('other')
    t.equal(other.complete, false, 'of no room it is known any more that there was nothing in it')
  })
}
