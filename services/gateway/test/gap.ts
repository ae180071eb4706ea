import { connectChat, until } from '@rabble/harness'
import type { HistoryClient } from '@rabble/history/client'
import type { Test } from 'tap'
import { build } from './build.ts'
import type { MemoryLog } from './memory-log.ts'
import { tornLog } from './torn-log.ts'

/** Somebody comes back to a room of which the gateway has missed a message. */
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
