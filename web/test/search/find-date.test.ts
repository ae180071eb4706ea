import type { HistoryOptions, HistoryPage, Message } from '@rabble/client'
import t from 'tap'
import { findDate } from '../../src/search/find-date.ts'

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
    async history({ before, limit = 50 } = {}) {
      asked++
      const end = before === undefined ? all.length : all.findIndex(({ id }) => id === before)
      const start = Math.max(0, end - limit)
      return {
        messages: all.slice(start, end),
        hasMore: start > 0,
        hasMoreBefore: start > 0,
        hasMoreAfter: end < all.length,
        gaps: [],
      }
    },
  }
}

const find = async (room: ReturnType<typeof roomOf>, hours: number) =>
  (await findDate(room, new Date(begin + hours * hour - 1), new AbortController().signal, () => {}))?.id

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
  t.equal(await findDate(room, new Date(0), stop.signal, () => stop.abort()), undefined)
  t.equal(room.asked(), 2)
})
