import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import type { HistoryClient } from '@rabble/history/client'
import t from 'tap'
import { build, type TestGateway } from './build.ts'
import { pass } from './time.ts'

const eve = '192.0.2.1'
const ada = '192.0.2.2'

/** Writes messages to the log, since clients could send them only one after the other. */
function fill({ log }: TestGateway, count: number, length: number): void {
  const from = { id: 'system', name: 'System' }
  const rest = { type: 'message', room: 'general', from, at: '2026-11-22T10:00:00.000Z', via: 'g' }
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ ...rest, id: `${n}`, text: 'x'.repeat(length) }),
  )
  log.inject(lines.join('\n'))
}

t.test('replay after replay of a large room is rate-limited for who asks, and nobody else', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, replayBytesPerSecond: 200_000 })
  fill(gateway, 500, 1_000)
  const { ws } = gateway
  const greedy = await connectChat(t, ws, { name: 'Greedy', address: eve })
  const replay = () => greedy.join('general', { recent: 500 })
  const answers: number[] = []
  const refused = async () => {
    for (let n = 0; n < 10; n++) answers.push((await replay()).events.length)
  }
  await t.rejects(refused(), { code: 'rate-limited', retryAfter: Number })
  // Each is half a megabyte. Three use the bytes of eight seconds and some more, which are owed.
  t.strictSame(answers, [500, 500, 500])
  const again = await connectChat(t, ws, { name: 'Greedy', address: eve })
  await t.rejects(
    again.join('general', { recent: 500 }),
    { code: 'rate-limited' },
    'a second session does not help',
  )
  await t.rejects(again.join('elsewhere'), { code: 'rate-limited' })
  const other = await connectChat(t, ws, { name: 'Ada', address: eve })
  t.equal((await other.join('general', { recent: 500 })).events.length, 500)
  await greedy.send('general', 'what it says is taken')
  await clock.advance(3_000)
  t.equal((await replay()).events.length, 500)
})

t.test('one guest that reads none of its replays leaves room for those of others', async (t) => {
  const recent = { perRoom: 2_000, totalBytes: 256 * 1024 * 1024 }
  const gateway = await build(t, { replayBytes: 60_000_000, recent })
  // More than the operating system takes.
  fill(gateway, 16, 1_000_000)
  const { ws, metric } = gateway
  const count = 5
  for (let n = 0; n < count; n++) {
    const stuck = await connectChat(t, ws, { name: 'Stuck', address: eve })
    stuck.pause()
    stuck.raw('{"type":"join","room":"general","recent":500}')
  }
  await until(async () => (await metric('rabble_gateway_joins_total')) === count, 60_000, 'the joins')
  const reader = await connectChat(t, ws, { name: 'Ada', address: ada })
  const { complete, events } = await reader.join('general', { recent: 500 })
  t.ok(complete)
  t.equal(events.length, 16)
})

t.test('one client that resumes many rooms doesn’t keep others from having theirs asked for', async (t) => {
  const clock = createManualClock()
  const asked: string[] = []
  const answers: (() => void)[] = []
  const history: HistoryClient = {
    async replay({ room }) {
      asked.push(room)
      await new Promise<void>((resolve) => answers.push(resolve))
      return { through: null, complete: false, ids: [], lines: [] }
    },
    find: () => Promise.reject(new Error('nobody asks for that')),
    known: () => Promise.reject(new Error('nobody asks for that')),
    directRooms: () => Promise.reject(new Error('nobody asks for that')),
    reaction: () => Promise.reject(new Error('nobody asks for that')),
    conversations: () => Promise.reject(new Error('nobody asks for that')),
    conversationStates: () => Promise.reject(new Error('nobody asks for that')),
    receipts: () => Promise.reject(new Error('nobody asks for that')),
    contacts: () => Promise.reject(new Error('nobody asks for that')),
  }
  const { ws, metric } = await build(t, { clock, history })
  const all: Promise<unknown>[] = []
  for (let n = 0; n < 30; n++) {
    const client = await connectChat(t, ws, { name: `eve ${n}`, address: eve })
    all.push(client.join(`eve-${n}`, { after: 'old' }))
  }
  await pass(clock, 10, () => asked.length === 8, 'eight questions')
  t.strictSame(new Set(asked.map((room) => room.slice(0, 3))), new Set(['eve']))
  const reader = await connectChat(t, ws, { name: 'Ada', address: ada })
  all.push(reader.join('adas', { after: 'old' }))
  const late = await connectChat(t, ws, { name: 'Ada Two', address: ada })
  // Eve is waiting for an answer about this room already.
  all.push(late.join('eve-29', { after: 'old' }))
  const joins = () => metric('rabble_gateway_frames_received_total', { type: 'join' })
  await until(async () => (await joins()) === 32, 60_000, 'all to ask')
  await clock.advance(10)
  for (let n = 0; n < 4; n++) {
    const before = asked.length
    answers.shift()?.()
    await pass(clock, 1, () => asked.length > before, 'the next question')
  }
  t.ok(asked.slice(8, 12).includes('adas'), `asked: ${asked.slice(8).join()}`)
  t.ok(asked.slice(8, 12).includes('eve-29'), `asked: ${asked.slice(8).join()}`)
  const end = setInterval(() => {
    for (const answer of answers.splice(0)) answer()
    void clock.advance(10)
  }, 1)
  await Promise.all(all).finally(() => clearInterval(end))
})
