import { createManualClock } from '@rabble/clock/manual'
import type { MessageEvent } from '@rabble/contract'
import { type ByteString, byteString } from '@rabble/event-log'
import { connectChat, until } from '@rabble/harness'
import type { HistoryClient, Replay, ReplayQuery } from '@rabble/history/client'
import t from 'tap'
import { build } from './build.ts'
import { createMemoryLog } from './memory-log.ts'
import { passing } from './time.ts'

/** A history that answers as a test wants. */
function historyThat(replay: (query: ReplayQuery) => Promise<Partial<Replay>>): HistoryClient {
  return {
    async replay(query) {
      return { through: null, complete: true, ids: [], lines: [], ...(await replay(query)) }
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
}

/** Returns the messages that history has of a room whose events the log no longer has. */
function old(room: string, ids: string[]): { ids: string[]; lines: ByteString[] } {
  const from = { id: 'ada', name: 'Ada' }
  const at = '2026-11-22T10:00:00.000Z'
  const messages = ids.map(
    (id): MessageEvent => ({ type: 'message', room, id, from, text: id, at, via: 'g' }),
  )
  return { ids, lines: messages.map((message) => byteString(Buffer.from(JSON.stringify(message)))) }
}

const never = () => new Promise<never>(() => {})

t.test('however many rooms are resumed at once, a history that doesn’t answer holds nobody up', async (t) => {
  const clock = createManualClock()
  const historyTimes = { timeout: 1_000, notFoundGrace: 0 }
  const { ws, metric } = await build(t, { history: historyThat(never), historyTimes, clock })
  const clients = await Promise.all(
    Array.from({ length: 20 }, (_, n) => connectChat(t, ws, { name: `reader ${n}` })),
  )
  const joined = Promise.all(clients.map((client, n) => client.join(`room-${n}`, { after: 'old' })))
  const asked = async () => (await metric('rabble_gateway_frames_received_total', { type: 'join' })) === 20
  await until(asked, 60_000, 'all to be there')
  await clock.advance(1_000)
  t.strictSame(new Set((await joined).map(({ complete }) => complete)), new Set([false]))
  const [client] = clients
  await client?.send('room-0', 'chat goes on')
})

t.test('who has many rooms to resume isn’t kept for the time of each', async (t) => {
  const clock = createManualClock()
  const historyTimes = { timeout: 3_000, notFoundGrace: 0 }
  const { ws } = await build(t, { history: historyThat(never), historyTimes, clock })
  const reader = await connectChat(t, ws, { name: 'Reader' })
  const joins = Array.from({ length: 24 }, (_, n) => reader.join(`room-${n}`, { after: 'old' }))
  const began = clock.monotonic()
  const joined = await passing(clock, 250, Promise.all(joins))
  t.strictSame(new Set(joined.map(({ complete }) => complete)), new Set([false]))
  // Not 24 times 3 s: the first join waits for 3 s, and others only briefly until 10 s later. Each takes two steps.
  const seconds = (clock.monotonic() - began) / 1000
  t.ok(seconds < 48, `it took ${seconds} s`)
})

t.test(
  'a quiet room is resumed although history is always a little behind a busy room beside it',
  async (t) => {
    const log = createMemoryLog()
    const say = async () => void (await writer.send('busy', 'and on and on'))
    let through = -1
    const history = historyThat(async ({ room }) => {
      const answer = { through, ...old(room, ['q1', 'q2', 'q3']) }
      // It never has the events that are written while it answers.
      await say()
      through = log.last
      await say()
      return answer
    })
    const { ws } = await build(t, { log, history })
    const writer = await connectChat(t, ws, { name: 'Writer' })
    await writer.join('busy')
    await say()
    const reader = await connectChat(t, ws, { name: 'Reader' })
    const { complete, events } = await reader.join('quiet', { after: 'q1' })
    t.equal(complete, true)
    t.strictSame(
      events.map(({ id }) => id),
      ['q2', 'q3'],
    )
  },
)

t.test('what a room got meanwhile, and the gateway has forgotten again, is waited for', async (t) => {
  const log = createMemoryLog()
  let asked = 0
  let through = -1
  const ids = ['q1', 'q2']
  const history = historyThat(async ({ room }) => {
    asked++
    if (asked === 1 || asked > 3) through = log.last
    const answer = { through, ...old(room, asked > 3 ? ids : ['q1', 'q2']) }
    if (asked > 1) return answer
    // Other rooms push it out of the gateway's memory at once.
    ids.push((await writer.send('quiet', 'a word')).id)
    for (let n = 0; n < 20; n++) await writer.send(`busy-${n}`, 'x'.repeat(4_000))
    return answer
  })
  const { ws } = await build(t, { log, history, recent: { perRoom: 200, totalBytes: 20_000 } })
  const writer = await connectChat(t, ws, { name: 'Writer' })
  for (const room of ['quiet', ...Array.from({ length: 20 }, (_, n) => `busy-${n}`)]) await writer.join(room)
  const reader = await connectChat(t, ws, { name: 'Reader' })
  const { complete, events } = await reader.join('quiet', { after: 'q1' })
  t.equal(complete, true)
  t.strictSame(
    events.map(({ id }) => id),
    ids.slice(1),
  )
})
