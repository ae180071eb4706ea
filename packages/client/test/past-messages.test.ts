import t from 'tap'
import type { HistoryOptions, HistoryPage, Message } from '../src/index.ts'
import { findMessageAt, PastMessages } from '../src/search.ts'

const hour = 3_600_000
const begin = Date.parse('2026-11-01T00:00:00Z')

/** Returns a room with one message in each hour. */
function roomOf(messages: number): {
  history(options?: HistoryOptions): Promise<HistoryPage>
  asked: () => number
} {
  const all = Array.from({ length: messages }, (_, n): Message => {
    const at = new Date(begin + n * hour).toISOString()
    return {
      type: 'message',
      room: 'r',
      id: `m${n}`,
      from: { id: 'ada', name: 'Ada' },
      text: '',
      at,
      via: 'g',
    }
  })
  let asked = 0
  return {
    asked: () => asked,
    async history({ before, after, around, limit = 50 } = {}) {
      asked++
      const indexOf = (wanted: string) => all.findIndex(({ id }) => id === wanted)
      let end = before === undefined ? all.length : indexOf(before)
      if (after !== undefined) end = Math.min(all.length, indexOf(after) + 1 + limit)
      if (around !== undefined) end = Math.min(all.length, indexOf(around) + limit / 2)
      const start = after !== undefined ? indexOf(after) + 1 : Math.max(0, end - limit)
      return {
        messages: all.slice(start, end),
        hasMore: after !== undefined ? end < all.length : start > 0,
        hasMoreBefore: start > 0,
        hasMoreAfter: end < all.length,
        gaps: [],
      }
    },
  }
}

const find = async (room: ReturnType<typeof roomOf>, hours: number) =>
  (await findMessageAt(room, new Date(begin + hours * hour - 1)))?.id

t.test('the first message of a time is found, on whatever page it is', async (t) => {
  const room = roomOf(3_500)
  for (const n of [0, 1, 499, 500, 501, 2_499, 2_500, 3_499]) t.equal(await find(room, n), `m${n}`)
  t.equal(await find(room, -5), 'm0', 'of a time before everything the very first one')
  t.equal(await find(room, 3_500), undefined, 'of a time after everything none')
  t.equal(await find(roomOf(0), 0), undefined)
})

t.test('no more pages are asked for than needed, and none after an abort', async (t) => {
  const room = roomOf(3_500)
  await find(room, 3_400)
  t.equal(room.asked(), 1)
  const stop = new AbortController()
  t.equal(
    await findMessageAt(room, new Date(0), { signal: stop.signal, looked: () => stop.abort() }),
    undefined,
  )
  t.equal(room.asked(), 2)
})

t.test('a range of older messages grows at both ends, keeps a thousand, and takes changes', async (t) => {
  const past = new PastMessages(roomOf(2_000))
  t.ok(await past.open('m300'))
  const ends = () => [past.messages[0]?.id, past.messages.at(-1)?.id].join('-')
  t.equal(ends(), 'm250-m349')
  t.ok(await past.loadOlder())
  t.ok(await past.loadNewer())
  t.equal(ends(), 'm150-m449')
  while (past.hasOlder) await past.loadOlder()
  t.equal(ends(), 'm0-m449')
  t.notOk(await past.loadOlder())
  for (let page = 0; page < 6; page++) await past.loadNewer()
  t.equal(ends(), 'm50-m1049', 'the oldest ones are dropped')
  t.ok(past.hasOlder)
  await past.loadOlder()
  t.equal(ends(), 'm0-m999', 'and the newest ones in the other direction')
  t.ok(past.hasNewer)
  const before = past.messages
  const change = { room: 'r', id: 'e1', from: { id: 'ada', name: 'Ada' }, at: '', via: 'g' }
  t.ok(past.change({ type: 'edit', message: 'm0', text: 'better', ...change }))
  t.equal(past.messages[0]?.text, 'better')
  t.equal(before[0]?.text, '', 'an earlier list stays as it was')
  t.notOk(past.change({ type: 'delete', message: 'm1000', ...change }))
})
