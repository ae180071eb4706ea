import type { ChatEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { type FeedPage, type FeedQuery, feedOf } from '../../src/messages/feed.ts'
import { project } from '../../src/projection/projection.ts'
import { ingestOf, timeout, waitFor } from '../build.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

type Asked = Partial<Omit<FeedQuery, 'after'>>
const messages = (...ids: string[]) => ids.map((id) => message(id))
const eventsIn = ({ events }: FeedPage) => events.map(({ line }) => JSON.parse(line) as ChatEvent)
const idsIn = (page: FeedPage) => eventsIn(page).map(({ id }) => id)

/** Reads page by page. Returns the ids of each page, and the position after the last one. */
async function follow(database: Database, after: string, asked: Asked = {}) {
  const pages: string[][] = []
  for (let position = after; ; ) {
    const page = await feedOf(database, { after: position, limit: 100, ...asked })
    pages.push([...(page.gap ? [page.gap] : []), ...idsIn(page)])
    position = page.position
    if (!page.hasMore) return { pages, position }
  }
}

/** Writes a step behind a gap of the log. */
async function writeBehindGap(database: Database, events: ChatEvent[]): Promise<void> {
  const [row] = await database.query<{ log_offset: number }>('select log_offset from history.positions', [])
  const from = row?.log_offset ?? 0
  const entries = events.map((event) => ({ event, line: Buffer.from(JSON.stringify(event)) }))
  const gap = { expected: from + 1, found: from + 9 }
  await project(database, { partition: 0, from, to: from + 9, gap, entries })
}

await onBoth(async (t, databases) => {
  await t.test(
    'every event of every partition comes once, and reading goes on behind any of them',
    async (t) => {
      const database = await databases.migrated(t)
      const [zero, one] = [messages('a', 'b', 'c', 'd', 'e'), messages('v', 'w', 'x')]
      await write(database, 0, zero)
      await write(database, 1, one)
      const inOrder = (ids: string[], events: ChatEvent[]) =>
        t.same(
          ids.filter((id) => events.some((event) => event.id === id)),
          events.map(({ id }) => id),
          'in the order of the partition',
        )
      const { pages, position } = await follow(database, 'first', { limit: 2 })
      t.ok(pages.every((ids) => ids.length <= 2))
      inOrder(pages.flat(), zero)
      inOrder(pages.flat(), one)
      t.equal(pages.flat().length, 8)

      const whole = await feedOf(database, { after: 'first', limit: 100 })
      t.match(whole, { hasMore: false, position })
      t.same(new Set(eventsIn(whole)), new Set([...zero, ...one]), 'as clients received them')
      for (const [index, { position }] of whole.events.entries()) {
        const rest = new Set((await follow(database, position)).pages.flat())
        t.same(rest, new Set(idsIn(whole).slice(index + 1)), position)
      }
      t.same((await follow(database, position)).pages, [[]])
      await write(database, 1, messages('y'))
      await write(database, 2, messages('new partition'))
      t.same(new Set((await follow(database, position)).pages.flat()), new Set(['y', 'new partition']))
      const now = await feedOf(database, { after: 'now', limit: 100 })
      t.match(now, { events: [], hasMore: false })
      await write(database, 0, messages('later'))
      t.same((await follow(database, now.position)).pages, [['later']])
    },
  )

  await t.test('no partition waits for another one that has much', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, messages(...Array.from({ length: 50 }, (_, n) => `m${n}`)))
    await write(database, 1, messages('quiet'))
    const { pages } = await follow(database, 'first', { limit: 10 })
    t.ok(pages[0]?.includes('quiet'))
    t.same(new Set(pages.map(({ length }) => length)), new Set([10, 1]), 'and its share is used')
    await write(database, 2, messages(...Array.from({ length: 30 }, (_, n) => `n${n}`)))
    const both = await follow(database, 'first', { limit: 10 })
    t.ok(['m0', 'n0', 'quiet'].every((id) => both.pages[0]?.includes(id)))
  })

  await t.test('messages are as they are now, with the newest change of each', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, messages('a', 'b'))
    const { position } = await follow(database, 'first')
    await write(database, 0, [edit('e1', 'a'), edit('e2', 'a', { text: 'new' }), edit('lost', 'unknown')])
    await write(database, 0, [deletion('d', 'b'), ...messages('c')])
    const page = await feedOf(database, { after: position, limit: 100 })
    t.same(eventsIn(page), [edit('e2', 'a', { text: 'new' }), deletion('d', 'b'), message('c')])
    const [a, b] = eventsIn(await feedOf(database, { after: 'first', limit: 100 }))
    t.match(a, { id: 'a', text: 'new', edited: {} })
    t.match(b, { id: 'b', text: '', deleted: {} })
    await write(database, 0, [...messages('a'), ...messages('next')])
    t.same((await follow(database, page.position)).pages, [['next']], 'a repeat of the log is none here')
  })

  await t.test('private rooms are left out, and only the rooms that were asked for are in', async (t) => {
    const database = await databases.migrated(t)
    const rooms = ['general', 'dm:ada:bob', 'user:ada', '*', 'random', 'dmx']
    await write(database, 0, [
      ...rooms.map((room) => message(`to ${room}`, { room })),
      edit('private edit', 'to dm:ada:bob', { room: 'dm:ada:bob' }),
      edit('edit', 'to random', { room: 'random' }),
      message('last', { room: 'dm:ada:bob' }),
    ])
    const open = await follow(database, 'first')
    t.same(open.pages, [['to general', 'to *', 'to random', 'to dmx', 'edit']])
    const all = await follow(database, 'first', { direct: true })
    t.equal(all.pages.flat().length, 9)
    const some = await follow(database, 'first', { rooms: ['random', 'dm:ada:bob'], direct: true })
    t.same(some.pages, [
      ['to random', 'to dm:ada:bob', 'private edit', 'edit', 'last'].sort(byPlace(all.pages.flat())),
    ])
    t.same((await follow(database, 'first', { rooms: ['random'], limit: 1 })).pages, [
      ['to random'],
      ['edit'],
      [],
    ])
    t.same(new Set([open.position, all.position, some.position]).size, 1, 'positions do not depend on it')
  })

  await t.test('few events of a room are found in much of others, in pages that cost little', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, messages('a'))
    await write(database, 0, messages(...Array.from({ length: 9_000 }, (_, n) => `m${n}`)))
    await write(database, 0, [message('rare', { room: 'rare' })])
    const { pages } = await follow(database, 'first', { rooms: ['rare'] })
    t.same(pages, [[], ['rare']])
    await database.query("delete from history.messages where id like 'm%'", [])
    t.same(
      (await follow(database, 'first', { limit: 1 })).pages,
      [['a'], ['rare']],
      'holes are passed at once',
    )
  })

  await t.test('a page of large events is cut, and the next one goes on', async (t) => {
    const database = await databases.migrated(t)
    const large = ['a', 'b', 'c'].map((id) => message(id, { meta: { fill: 'x'.repeat(600_000) } }))
    await write(database, 0, large)
    t.same((await follow(database, 'first')).pages, [['a'], ['b'], ['c']])
  })

  await t.test('what the log had lost is told where it is missing, once', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, messages('a', 'b'))
    await writeBehindGap(database, messages('c', 'd'))
    const { pages, position } = await follow(database, 'first')
    t.same(pages, [
      ['a', 'b'],
      ['log-lost', 'c', 'd'],
    ])
    t.same((await follow(database, position)).pages, [[]])
    await writeBehindGap(database, [])
    const told = await follow(database, position)
    t.same(told.pages, [['log-lost']], 'also if nothing follows yet')
    const whole = [['a', 'b'], ['log-lost', 'c', 'd'], ['log-lost']]
    t.same((await follow(database, 'first')).pages, whole)
    await write(database, 0, messages('e'))
    t.same((await follow(database, told.position)).pages, [['e']])
  })

  await t.test('what retention has deleted unread is told; what was read is not missed', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    for (const id of ['a', 'b', 'c', 'd', 'e']) log.append(message(id))
    const ingest = ingestOf(t, log, database)
    await waitFor(database, 5)
    await ingest.close()
    const { events } = await feedOf(database, { after: 'first', limit: 100 })
    const positions = events.map(({ position }) => position)
    ingestOf(t, log, database, { retention: { maxMessages: 2 } })
    const left = async () => (await follow(database, 'first')).pages.flat()
    await until(async () => (await left()).length === 2, timeout, 'three to be deleted')
    t.same((await follow(database, positions[0] ?? '', { limit: 1 })).pages, [['retention', 'd'], ['e']])
    t.same((await follow(database, positions[2] ?? '')).pages, [['d', 'e']])
    t.same(await left(), ['d', 'e'], 'a new reader has missed nothing')
  })

  await t.test('in another database it begins again, and says so', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, messages('a', 'b'))
    const { position } = await follow(database, 'first')
    await database.query("update history.identity set id = '00000000beef'", [])
    t.same((await follow(database, position)).pages, [['other-database', 'a', 'b']])
  })

  await t.test('after a database came back older than a position, nothing new is skipped', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, messages('a', 'b', 'c', 'd'))
    const { position } = await follow(database, 'first')
    await database.query("delete from history.messages where id in ('c', 'd')", [])
    await database.query('update history.positions set sequence = 2', [])
    t.same((await follow(database, position)).pages, [[]], 'the log is not read again yet')
    await writeBehindGap(database, messages('x', 'y', 'z'))
    t.same((await follow(database, position)).pages, [['log-lost', 'x', 'y', 'z']])
  })

  await t.test('what is no position is refused', async (t) => {
    const database = await databases.migrated(t)
    for (const after of [
      '',
      'a',
      '0123456789ab-',
      '0123456789ab-1.2.3.4',
      `0123456789ab-${'9'.repeat(17)}`,
    ]) {
      await t.rejects(feedOf(database, { after, limit: 1 }), { code: 'bad-frame' }, after)
    }
  })
})

/** Returns a comparison by the place in a list. */
function byPlace(list: string[]) {
  return (a: string, b: string) => list.indexOf(a) - list.indexOf(b)
}
