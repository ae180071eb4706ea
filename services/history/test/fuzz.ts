import type { MessageEvent } from '@rabble/contract'
import type { TestDatabases } from '@rabble/database/testing'
import { decodeBatch } from '@rabble/event-log/parts'
import { createRandom, mutated } from '@rabble/harness'
import type { Test } from 'tap'
import { pageOf } from '../src/messages/page.ts'
import { restored } from '../src/text/storable.ts'
import { ingestOf, waitForOffset } from './build.ts'
import { deletion, edit } from './change.ts'
import { createMemoryLog } from './memory-log.ts'
import { message } from './message.ts'
import { index } from './write.ts'

const ofBatch = 250

/**
 * Damages `lines` lines of the log, and has a history read them. The history must store or set aside exactly the events that
 * gateways hand out, and everything stored must be readable and searchable.
 */
export async function storeAll(t: Test, databases: TestDatabases, lines: number): Promise<void> {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const database = await databases.migrated(t)
  const log = createMemoryLog()
  const { problem } = ingestOf(t, log, database)
  const expected = new Set<string>()
  let last = -2
  for (let n = 0; n < lines; n += ofBatch) {
    const batch = Array.from({ length: ofBatch }, (_, index) => mutated(lineOf(n + index, random), random))
    const text = Buffer.concat(batch.flatMap((line) => [line, Buffer.from('\n')]))
    for (const { event } of decodeBatch(text, () => {})) if (event.type === 'message') expected.add(event.id)
    log.inject(text)
    last += 2
    if (n % 10_000 === 0) await waitForOffset(database, last)
  }
  await waitForOffset(database, last)
  t.equal(problem(), undefined)
  await index(database)
  const stored = await database.query<{ id: string; room: string }>(
    'select id, room from history.messages',
    [],
  )
  const [{ count: refused } = { count: 0 }] = await database.query<{ count: number }>(
    "select count(*) from history.refused where convert_from(line, 'UTF8') like '%\"message\"%'",
    [],
  )
  t.ok(stored.length > lines / 10)
  t.ok(stored.length <= expected.size && stored.length + refused >= expected.size, 'nothing is missing')
  for (const room of new Set(stored.map((row) => row.room))) {
    const { lines } = await pageOf(database, { room: restored(room), limit: 1000 })
    const odd = lines.filter((line) => (JSON.parse(line) as MessageEvent).type !== 'message')
    t.strictSame(odd, [], 'a page is JSON')
  }
}

function lineOf(n: number, random: () => number): string {
  const target = `m${n - Math.ceil(random() * 20)}`
  const what = random()
  if (what < 0.1) return JSON.stringify({ type: 'of a later version', room: 'general', id: `m${n}` })
  if (what < 0.2) return JSON.stringify(deletion(`m${n}`, target))
  if (what < 0.4) return JSON.stringify(edit(`m${n}`, target, { text: 'edited' }))
  return JSON.stringify(
    message(`m${n}`, what < 0.6 ? { replyTo: target, meta: { a: [1, { b: null }] } } : {}),
  )
}
