import { replayOf } from '../../src/messages/replay.ts'
import { project } from '../../src/projection/projection.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

const room = 'general'
const ids = Array.from({ length: 2_500 }, (_, n) => `m${n}`)

await onBoth(async (t, databases) => {
  const database = await databases.migrated(t)
  await database.query('insert into history.positions (partition) values (0)')
  const messages = ids.flatMap((id) => [message(id, { room }), message(`other-${id}`, { room: 'other' })])
  const step = messages.map((event) => ({ event, line: Buffer.alloc(0) }))
  await project(database, { partition: 0, from: null, to: 41, entries: step })
  const replay = (query: { after: string[]; limit?: number }, name = room) =>
    replayOf(database, 1, { room: name, limit: 10_000, ...query })

  await t.test(
    'it begins with the oldest of the messages that are known, and ends where history does',
    async (t) => {
      const { ids: found, lines, ...head } = await replay({ after: ['m2000', 'unknown', 'm7'] })
      t.strictSame(head, { through: 41, complete: true })
      t.strictSame(found, ids.slice(7))
      t.strictSame(lines[1], JSON.stringify(message('m8', { room })))
    },
  )

  await t.test('of what it does not know nothing is in it', async (t) => {
    t.match(await replay({ after: ['later'] }), { complete: true, through: 41, ids: [] })
    t.match(await replay({ after: ['other-m7'] }), { ids: [] }, 'a message of another room')
    t.match(await replay({ after: ['m7'] }, 'empty room'), { ids: [] })
  })

  await t.test('what is too much is not sent in part', async (t) => {
    t.match(await replay({ after: ['m0'], limit: 2_499 }), { complete: false, ids: [], lines: [] })
    t.match(await replay({ after: ['m1'], limit: 2_499 }), { complete: true, ids: { length: 2_499 } })
    const large = Array.from({ length: 1_100 }, (_, n) =>
      message(`large-${n}`, { room: 'large', text: 'x'.repeat(4_000) }),
    )
    const entries = large.map((event) => ({ event, line: Buffer.alloc(0) }))
    await project(database, { partition: 0, from: 41, to: 42, entries })
    t.match(await replay({ after: ['large-0'] }, 'large'), { complete: false, ids: [] })
    t.match(await replay({ after: ['large-500'] }, 'large'), { complete: true, ids: { length: 600 } })
  })

  await t.test('who was away for too long spoils it for nobody else', async (t) => {
    const both = await replay({ after: ['m3', 'm2100', 'unknown', 'm2000'], limit: 500 })
    t.match(both, { complete: true, ids: { length: 500 }, lines: { length: 500 } })
    t.strictSame(both.ids, ids.slice(2000))
    const several = await replay({ after: ['m3', 'm1100', 'm2000'], limit: 1_400 })
    t.strictSame(several.ids, ids.slice(1100))
    const { ids: found } = await replay({ after: ['large-0', 'large-900', 'large-500'] }, 'large')
    t.match(found, { 0: 'large-500', length: 600 })
  })

  await t.test('what is written while it is read is not in it', async (t) => {
    if (databases.kind === 'pglite') return t.comment('which has one connection: nothing comes in between')
    const late = [{ event: message('late', { room }), line: Buffer.alloc(0) }]
    const writing =
      (query: typeof database.query): typeof database.query =>
      async <Row>(sql: string, params?: readonly unknown[]) => {
        const rows = await query<Row>(sql, params)
        if (/log_offset/.test(sql)) await project(database, { partition: 0, from: 42, to: 43, entries: late })
        return rows
      }
    const busy: typeof database = {
      ...database,
      query: writing(database.query),
      transaction: (work) => database.transaction((query) => work(writing(query))),
    }
    const { through, ids: found } = await replayOf(busy, 1, { room, after: ['m2498'], limit: 10 })
    t.strictSame({ through, found }, { through: 42, found: ['m2498', 'm2499'] })
    t.match(await replay({ after: ['m2498'] }), { through: 43, ids: ['m2498', 'm2499', 'late'] })
    await database.query(`delete from history.messages where id = 'late'`)
  })

  await t.test('a place where the log lost something makes it incomplete', async (t) => {
    const [row] = await database.query<{ sequence: number }>(
      'select sequence from history.messages where id = $1',
      ['m1000'],
    )
    await database.query(
      'insert into history.gaps (partition, sequence, expected, found) values (0, $1, 5, 9)',
      [row?.sequence],
    )
    t.match(await replay({ after: ['m1000'] }), { complete: false, ids: [] })
    t.match(await replay({ after: ['m1001'] }), { complete: true, ids: { length: 1_499 } })
    const both = await replay({ after: ['m1200', 'm1000', 'm1001'] })
    t.match(both, { complete: true, ids: { 0: 'm1001', length: 1_499 } }, 'for whom it lies behind')
  })

  await t.test(
    'changes stand in it, of each message the newest one, and any of them may be resumed from',
    async (t) => {
      const database = await databases.migrated(t)
      const last = edit('e2', 'a')
      const gone = deletion('d', 'b', { from: { id: 'eve', name: 'Eve \0 \ufdd0' }, moderator: true })
      await write(database, 0, [message('a'), message('b'), edit('e1', 'a'), message('c')])
      await write(database, 0, [last, gone, edit('late', 'b'), message('other', { room: 'other' })])
      const lines = (events: object[]) => events.map((event) => (event === none ? '' : JSON.stringify(event)))
      const none = {}
      const after = (id: string) => replayOf(database, 1, { room, after: [id], limit: 100 })
      const a = { ...message('a', { text: last.text }), edited: { by: last.from, at: last.at } }
      const b = { ...message('b', { text: '' }), deleted: { by: gone.from, at: gone.at } }

      t.strictSame(await after('a'), {
        through: 2,
        complete: true,
        ids: ['a', 'b', 'e1', 'c', 'e2', 'd', 'late'],
        lines: lines([a, b, none, message('c'), last, gone, none]),
      })
      t.match(await after('e1'), { ids: ['e1', 'c', 'e2', 'd', 'late'] }, 'one without a line')
      t.match(await after('e2'), { ids: ['e2', 'd', 'late'], lines: lines([last, gone, none]) })
      t.match(await after('late'), { ids: ['late'], lines: [''] })
      t.match(await replayOf(database, 1, { room: 'other', after: ['e2'], limit: 9 }), { ids: [] })
      t.match(await replayOf(database, 1, { room, after: ['a'], limit: 6 }), { complete: false, ids: [] })

      // The sequence of e1.
      await database.query(
        'insert into history.gaps (partition, sequence, expected, found) values (0, 3, 5, 9)',
      )
      t.match(await after('b'), { complete: false, ids: [] })
      t.match(await after('e1'), { complete: false, ids: [] }, 'the gap is behind it')
      t.match(await after('c'), { complete: true, ids: ['c', 'e2', 'd', 'late'] })
    },
  )

  await t.test('a long one with many changes has all of them, in order, over several pages', async (t) => {
    const database = await databases.migrated(t)
    const events = Array.from({ length: 1_500 }, (_, n) => [
      message(`m${n}`),
      edit(`e${n}`, `m${n >> 1}`),
    ]).flat()
    await write(database, 0, events)
    const { ids, lines } = await replayOf(database, 1, { room, after: ['m1'], limit: 10_000 })
    t.strictSame(
      ids,
      events.slice(2).map(({ id }) => id),
    )
    t.equal(lines.filter((line) => line === '').length, 749)
  })
})
