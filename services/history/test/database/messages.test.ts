import type { Database } from '@rabble/database'
import { pageOf } from '../../src/messages/page.ts'
import { project } from '../../src/projection/projection.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

const room = 'general'
const ids = Array.from({ length: 1_234 }, (_, n) => `m${n}`)

/** Stores messages as ingest does, in two steps, with another room's messages between. */
async function fill(database: Database): Promise<void> {
  await database.query('insert into history.positions (partition) values (0)')
  const messages = ids.flatMap((id) => [message(id, { room }), message(`other-${id}`, { room: 'other' })])
  const half = messages.length / 2
  for (const [from, to] of [
    [null, 1],
    [1, 2],
  ] as const) {
    const part = to === 1 ? messages.slice(0, half) : messages.slice(half)
    const step = part.map((event) => ({ event, line: Buffer.alloc(0) }))
    await project(database, { partition: 0, from, to, entries: step })
  }
}

await onBoth(async (t, databases) => {
  const database = await databases.migrated(t)
  await fill(database)

  async function page(cursor: { before?: string; after?: string; around?: string }, limit = 50) {
    const { lines, ...rest } = await pageOf(database, { room, limit, ...cursor })
    return { ids: lines.map((line): string => JSON.parse(line).id), ...rest }
  }

  /** Returns whether there are more messages before and after. */
  const more = (hasMoreBefore: boolean, hasMoreAfter: boolean) => ({ hasMoreBefore, hasMoreAfter, gaps: [] })

  await t.test('without a cursor it is the newest messages, oldest first', async (t) => {
    t.same(await page({}), { ids: ids.slice(-50), ...more(true, false) })
  })

  for (const limit of [1, 50, 200]) {
    // One by one, some hundred messages are enough.
    const wanted = limit === 1 ? ids.slice(-100) : ids
    await t.test(`paging back and forth by ${limit} gives the whole order`, async (t) => {
      let back = await page({}, limit)
      const backwards = back.ids
      while (back.hasMoreBefore && backwards.length < wanted.length) {
        const [before = ''] = backwards
        back = await page({ before }, limit)
        backwards.unshift(...back.ids)
      }
      t.same(backwards, wanted)
      let forth = await page({ after: wanted[0] ?? '' }, limit)
      const forwards = [wanted[0], ...forth.ids]
      while (forth.hasMoreAfter) {
        forth = await page({ after: forwards.at(-1) ?? '' }, limit)
        forwards.push(...forth.ids)
      }
      t.same(forwards, wanted)
    })
  }

  await t.test('both ends are known', async (t) => {
    t.same(await page({ before: 'm50' }), { ids: ids.slice(0, 50), ...more(false, true) })
    t.same(await page({ before: 'm51' }), { ids: ids.slice(1, 51), ...more(true, true) })
    t.same(await page({ before: 'm0' }), { ids: [], ...more(false, true) })
    t.same(await page({ after: 'm1183' }), { ids: ids.slice(-50), ...more(true, false) })
    t.same(await page({ after: 'm1182' }), { ids: ids.slice(-51, -1), ...more(true, true) })
    t.same(await page({ after: 'm1233' }), { ids: [], ...more(true, false) })
    t.same(await page({}, 1_234), { ids, ...more(false, false) })
    t.same(await page({}, 1_233), { ids: ids.slice(1), ...more(true, false) })
  })

  await t.test('around a message are as many before as behind, or what there is', async (t) => {
    t.same(await page({ around: 'm600' }, 5), { ids: ids.slice(598, 603), ...more(true, true) })
    t.same(await page({ around: 'm600' }, 4), { ids: ids.slice(599, 603), ...more(true, true) })
    t.same(await page({ around: 'm600' }, 1), { ids: ['m600'], ...more(true, true) })
    t.same(await page({ around: 'm0' }, 1), { ids: ['m0'], ...more(false, true) })
    t.same(await page({ around: 'm0' }, 5), { ids: ids.slice(0, 5), ...more(false, true) })
    t.same(await page({ around: 'm1' }, 5), { ids: ids.slice(0, 5), ...more(false, true) })
    t.same(await page({ around: 'm3' }, 5), { ids: ids.slice(1, 6), ...more(true, true) })
    t.same(await page({ around: 'm1233' }, 5), { ids: ids.slice(-5), ...more(true, false) })
    t.same(await page({ around: 'm1232' }, 5), { ids: ids.slice(-5), ...more(true, false) })
    t.same(await page({ around: 'm7' }, 2_000), { ids, ...more(false, false) })
  })

  await t.test('a cursor that is no message of the room is refused', async (t) => {
    for (const cursor of ['none', 'other-m5', '', 'm1\0']) {
      await t.rejects(page({ before: cursor }), {
        code: 'bad-frame',
        message: /names no message of this room/,
      })
      await t.rejects(page({ after: cursor }), { code: 'bad-frame' })
      await t.rejects(page({ around: cursor }), { code: 'bad-frame' })
    }
  })

  await t.test('a room without messages gives an empty page', async (t) => {
    t.same(await pageOf(database, { room: 'nowhere', limit: 50 }), {
      lines: [],
      ...more(false, false),
    })
  })

  await t.test('what the log lost is told once, by the page that holds the place', async (t) => {
    // Sequences: m<n> has 2n + 1, and the messages of the other room are between.
    const noticedAt = '2026-11-22T10:00:00.000Z'
    const gap = (before?: string) => ({ ...(before !== undefined && { before }), noticedAt })
    await database.query(
      `insert into history.gaps (partition, sequence, expected, found, noticed_at)
       select partition, sequence, 7, 9, $1 from (values (0, 201), (0, 202), (0, 2468), (1, 205)) as gaps (partition, sequence)`,
      [noticedAt],
    )
    t.teardown(() => database.query('delete from history.gaps', []))
    const gaps = async (cursor: Parameters<typeof page>[0], limit = 50) => (await page(cursor, limit)).gaps
    t.same(await gaps({ before: 'm150' }), [gap('m101'), gap('m101')], 'between two messages')
    t.same(await gaps({ around: 'm110' }), [gap('m101'), gap('m101')])
    t.same(await gaps({ after: 'm100' }), [gap('m101'), gap('m101')], 'right behind the cursor')
    t.same(await gaps({ before: 'm151' }), [gap('m101'), gap('m101')], 'right before the first of the page')
    t.same(await gaps({ before: 'm101' }), [], 'that page has told it')
    t.same(await gaps({ before: 'm152' }), [])
    t.same(await gaps({ after: 'm101' }), [])
    t.same(await gaps({}), [gap()], 'at the end of the room, there is no message behind it')
    t.same(await gaps({ after: 'm1233' }), [gap()])
    t.same(await gaps({ before: 'm0' }), [])
    await database.query('update history.gaps set sequence = 0 where sequence = 201')
    t.same(await gaps({ after: 'm0' }), [])
    t.same(await gaps({ before: 'm3' }), [gap('m0')], 'before the first message of the room')
  })

  await t.test('a change stands in no page, but its place is one from which pages go', async (t) => {
    const inRoom = { room: 'changed' }
    await write(database, 0, [
      edit('e0', 'unknown', inRoom),
      ...['a', 'b', 'c', 'd'].map((id) => message(id, inRoom)),
      edit('e1', 'a', inRoom),
      message('e', inRoom),
      deletion('d1', 'b', inRoom),
    ])
    const part = async (cursor: Parameters<typeof page>[0], limit = 10) => {
      const { lines, hasMoreBefore, hasMoreAfter } = await pageOf(database, { ...inRoom, limit, ...cursor })
      const ids = lines.map((line): string => JSON.parse(line).id)
      return [ids.join(''), hasMoreBefore, hasMoreAfter]
    }
    t.same(await part({}), ['abcde', false, false], 'with those that were deleted')
    t.same(await part({ before: 'e1' }, 4), ['abcd', false, true])
    t.same(await part({ before: 'e1' }, 3), ['bcd', true, true])
    t.same(await part({ before: 'd1' }), ['abcde', false, false], 'no message is behind it')
    t.same(await part({ before: 'e0' }), ['', false, true])
    t.same(await part({ after: 'e1' }), ['e', true, false])
    t.same(await part({ after: 'd1' }), ['', true, false])
    t.same(await part({ after: 'e0' }), ['abcde', false, false], 'no message is before it')
    t.same(await part({ after: 'e0' }, 2), ['ab', false, true])
    t.same(await part({ around: 'e1' }, 2), ['de', true, false])
    t.same(await part({ around: 'e1' }, 1), ['d', true, true])
    t.same(await part({ around: 'e0' }, 2), ['ab', false, true])
    t.same(await part({ around: 'd1' }, 2), ['de', true, false])
    await t.rejects(page({ before: 'e1' }), { code: 'bad-frame', message: /names no message of this room/ })
  })

  await t.test('a place where the log lost something is told on either side of a change', async (t) => {
    const inRoom = { room: 'torn' }
    await write(database, 0, [message('t1', inRoom), edit('t2', 't1', inRoom), message('t3', inRoom)])
    const noticedAt = '2026-11-22T10:00:00.000Z'
    await database.query(
      `insert into history.gaps (partition, sequence, expected, found, noticed_at)
       select 0, sequence, 7, 9, $1 from history.messages where id = 't1'`,
      [noticedAt],
    )
    t.teardown(() => database.query('delete from history.gaps', []))
    const gaps = async (cursor: Parameters<typeof page>[0]) =>
      (await pageOf(database, { ...inRoom, limit: 10, ...cursor })).gaps
    t.same(await gaps({ after: 't2' }), [{ before: 't3', noticedAt }], 'right before the first of the page')
    t.same(await gaps({ before: 't2' }), [], 'so it is told once')
    t.same(await gaps({}), [{ before: 't3', noticedAt }])
  })
})
