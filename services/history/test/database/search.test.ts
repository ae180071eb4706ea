import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { indexStep } from '../../src/indexing.ts'
import { type SearchOptions, search } from '../../src/search.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { index, write } from '../write.ts'

/** Lets a transaction of a test wait for others for longer than the server allows those of services. */
const idleForLong = 'set local idle_in_transaction_session_timeout = 0'

/** At minute n. */
const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 10, minute)).toISOString()

await onBoth(async (t, databases) => {
  async function idsOf(database: Database, q: string, more: Partial<SearchOptions> = {}): Promise<string[]> {
    const { results } = await search(database, {
      q,
      scope: { user: undefined },
      sort: 'newest',
      limit: 20,
      ...more,
    })
    return results.map(({ line }): string => JSON.parse(line).id)
  }

  await t.test('words, beginnings, phrases and what must not be there', async (t) => {
    const database = await databases.migrated(t)
    const texts = {
      a: 'Good morning, Ada',
      b: 'In the MORNING, good people sleep',
      c: 'mornings are hard',
      d: 'ÉTÉ à Zürich',
      e: '明日は東京都に行く',
      f: '京都は雨',
      g: 'ขอบคุณครับ',
      h: "it's 'quoted' \\ back & forth | (yes) :* !no <-> \0 \ud800 \ufdd0",
      i: 'Спасибо БОЛЬШОЕ 👍🏽',
    }
    const messages = Object.entries(texts).map(([id, text], minute) => message(id, { text, at: at(minute) }))
    await write(database, 0, messages)
    t.same(await idsOf(database, 'morning'), [], 'not before it is indexed')
    await index(database)
    const cases: [q: string, ids: string[]][] = [
      ['morning', ['b', 'a']],
      ['good morning', ['b', 'a']],
      ['"good morning"', ['a']],
      ['morn', []],
      ['morn*', ['c', 'b', 'a']],
      ['"in the" morn*', ['b']],
      ['morning -people', ['a']],
      ['morn* -"good morning" -hard', ['b']],
      ['été zürich', ['d']],
      ['ete', []],
      ['東京', ['e']],
      ['京都', ['f', 'e']],
      ['東京都', ['e']],
      ['京', ['f', 'e']],
      ['雨', ['f']],
      ['都東', []],
      ['คุณ', ['g']],
      ['спасибо', ['i']],
      ['👍', ['i']],
      ["it's", ['h']],
      ["'quoted' \\ & | ( ) :* <->", ['h']],
      ['back yes', ['h']],
    ]
    for (const [q, ids] of cases) t.same(await idsOf(database, q), ids, q)
    const { results } = await search(database, {
      q: 'forth',
      scope: { room: 'general' },
      sort: 'rank',
      limit: 1,
    })
    t.same(JSON.parse(results[0]?.line ?? ''), messages[7], 'the message, as it is')
    t.same(results[0]?.snippet, [
      { text: "it's 'quoted' \\ back & ", match: false },
      { text: 'forth', match: true },
      { text: ' | (yes) :* !no <-> \0 \ud800 \ufdd0', match: false },
    ])
  })

  await t.test('by room, sender and time, and never what the caller may not read', async (t) => {
    const database = await databases.migrated(t)
    const eve = { id: 'eve', name: 'Eve' }
    await write(database, 0, [
      message('a', { text: 'word', at: at(0) }),
      message('b', { text: 'word', at: at(1), room: 'other' }),
      message('c', { text: 'word', at: at(2), room: '*', from: eve }),
      message('d', { text: 'word', at: at(3), room: 'dm:ada:bob' }),
      message('e', { text: 'word', at: at(4), room: 'dm:bob:eve', from: eve }),
      message('f', { text: 'word', at: at(5), room: 'user:eve' }),
      message('g', { text: 'word', at: at(6), room: 'no:room' }),
      message('h', { text: 'word', at: 'some time, long ago' }),
    ])
    await write(database, 1, [message('i', { text: 'word', at: at(1), room: 'elsewhere' })])
    await index(database)
    const ids = (more: Partial<SearchOptions>) => idsOf(database, 'word', more)
    t.same(await ids({}), ['c', 'i', 'b', 'a', 'h'])
    t.same(await ids({ scope: { user: 'ada' } }), ['d', 'c', 'i', 'b', 'a', 'h'])
    t.same(await ids({ scope: { user: 'eve' } }), ['f', 'e', 'c', 'i', 'b', 'a', 'h'])
    t.same(await ids({ scope: { user: 'bob' } }), ['e', 'd', 'c', 'i', 'b', 'a', 'h'])
    t.same(await ids({ scope: { user: "x' | 'word" } }), ['c', 'i', 'b', 'a', 'h'])
    t.same(await ids({ scope: { room: 'other' } }), ['b'])
    t.same(await ids({ scope: { room: 'dm:ada:bob' } }), ['d'])
    t.same(await ids({ from: 'eve' }), ['c'])
    t.same(await ids({ from: 'eve', scope: { user: 'bob' } }), ['e', 'c'])
    t.same(await ids({ since: new Date(at(1)) }), ['c', 'i', 'b'])
    t.same(await ids({ since: new Date(at(0)), until: new Date(at(2)) }), ['i', 'b', 'a'])
    t.same(await idsOf(database, ':all'), [], 'no word is what a message is found by besides')
    t.same(await idsOf(database, '":for eve"'), [])
    await t.rejects(ids({ before: 'e' }), { code: 'bad-frame', message: /no result of this search/ })
    await t.rejects(ids({ before: 'none' }), { code: 'bad-frame' })
  })

  await t.test('page by page, newest or best first, each result comes once', async (t) => {
    const database = await databases.migrated(t)
    // The shorter a text, the more a word in it says; many have the same rank and the same time.
    const messages = Array.from({ length: 120 }, (_, n) =>
      message(`m${n}`, { text: `needle ${'straw '.repeat(n % 7)}`, at: at(n >> 3) }),
    )
    await write(database, 0, messages)
    await index(database, 50)
    const newest = messages.map(({ id }) => id).reverse()
    const best = [...newest].sort((a, b) => (Number(a.slice(1)) % 7) - (Number(b.slice(1)) % 7))
    for (const [sort, expected] of [
      ['newest', newest],
      ['rank', best],
    ] as const) {
      const found: string[] = []
      let hasMore = true
      while (hasMore) {
        const before = found.at(-1)
        const page = await search(database, {
          q: 'needle',
          scope: { user: undefined },
          sort,
          limit: 50,
          ...(before !== undefined && { before }),
        })
        found.push(...page.results.map(({ line }): string => JSON.parse(line).id))
        hasMore = page.hasMore
      }
      t.same(found, expected, sort)
    }
  })

  await t.test('a text that is changed or deleted is not found any more, and the new one is', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, [message('a', { text: 'first' }), message('b', { text: 'first' })])
    await index(database)
    await database.query("update history.messages set text = 'second' where id = 'a'")
    await database.query("delete from history.messages where id = 'b'")
    t.same(await idsOf(database, 'first'), [], 'at once')
    await index(database)
    t.same(await idsOf(database, 'second'), ['a'])
    t.same(await idsOf(database, 'first'), [])
    // Deleted between being written and being indexed.
    await write(database, 0, [message('c', { text: 'third' }), message('d', { text: 'third' })])
    await database.query("delete from history.messages where id = 'd'")
    await database.query("update history.messages set text = 'fourth' where id = 'c'")
    await index(database)
    t.same(await idsOf(database, 'third'), [])
    t.same(await idsOf(database, 'fourth'), ['c'])
    const left = await database.query(
      'select (select count(*) from history.search) as entries, (select count(*) from history.search_stale) as stale',
    )
    t.same(left, [{ entries: 2, stale: 0 }])
  })

  await t.test('an edit is found by its words, and what was edited away or deleted is not', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, [
      message('a', { text: 'first', at: at(0) }),
      message('b', { text: 'first', at: at(1) }),
      message('c', { text: 'first', at: at(2) }),
    ])
    await index(database)
    await write(database, 0, [edit('e', 'a', { text: 'second' }), deletion('d', 'b')])
    t.same(await idsOf(database, 'first'), ['c'], 'at once')
    await index(database)
    t.same(await idsOf(database, 'first'), ['c'])
    t.same(await idsOf(database, 'second'), ['a'])
    const { results } = await search(database, {
      q: 'second',
      scope: { room: 'general' },
      sort: 'rank',
      limit: 1,
    })
    t.match(JSON.parse(results[0]?.line ?? ''), { id: 'a', text: 'second', edited: { by: { id: 'ada' } } })
    t.same(results[0]?.snippet, [{ text: 'second', match: true }])
  })

  await t.test('a partition whose newest events are changes is indexed, and stays so', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, [message('a', { text: 'first' }), edit('e', 'a', { text: 'second' })])
    t.equal(await index(database), 2, 'the message, and once more because it was changed')
    await write(database, 0, [edit('unknown', 'nothing')])
    t.equal(await indexStep(database, 500), 0)
    const behind = await database.query(
      'select from history.positions join history.search_positions as indexed using (partition) where indexed.sequence < positions.sequence',
    )
    t.same(behind, [], 'nothing is left to look at')
    t.same(await idsOf(database, 'second'), ['a'])
  })

  await t.test('whatever a message holds, it is indexed, and so is the next one', async (t) => {
    const database = await databases.migrated(t)
    const long = 'x'.repeat(3_000)
    await write(database, 0, [
      message('a', { text: '字'.repeat(100_000), from: { id: long, name: 'X' } }),
      message('b', { text: Array.from({ length: 50_000 }, (_, n) => `${n}${long.slice(0, 90)}`).join(' ') }),
      message('c', { text: String.fromCodePoint(...Array.from({ length: 0x3000 }, (_, n) => n)) }),
      message('d', { text: "'\\", from: { id: "'\\\0", name: 'X' } }),
      message('e', { text: 'after' }),
    ])
    await index(database)
    t.same(await idsOf(database, 'after'), ['e'])
    t.same(await idsOf(database, '字字'), ['a'])
    t.same(await idsOf(database, '字', { from: long }), ['a'])
  })

  if (databases.kind === 'pglite') return
  await t.test('a change while its message is being indexed is not lost', async (t) => {
    const database = await databases.migrated(t)
    // The row of the position is there, so that nobody has to wait for it to be made.
    await write(database, 0, [message('c', { text: 'other' })])
    await index(database)
    await write(database, 0, [message('a', { text: 'first' }), message('b', { text: 'first' })])
    let change: Promise<unknown> | undefined
    let other: Promise<unknown> | undefined
    const between: Database = {
      ...database,
      transaction: (work, options) =>
        database.transaction(
          (query) =>
            work(async (sql, params) => {
              const rows = await query(sql, params)
              // What was read is changed before it is put in, and the entries are there before anybody hears of that.
              if (sql.startsWith('insert into history.search (')) {
                await query(idleForLong, [])
                change ??= (async () => {
                  await database.query("update history.messages set text = 'second' where id = 'a'")
                  await database.query("delete from history.messages where id = 'b'")
                })()
                await change
                // Another replica hears of the change before these entries are there.
                other ??= index(database)
                await doneOrWaiting(database, other)
              }
              return rows as never
            }),
          options,
        ),
    }
    t.equal(await indexStep(between, 10), 2)
    await other
    await index(database)
    t.same(await idsOf(database, 'first'), [])
    t.same(await idsOf(database, 'second'), ['a'])
    t.same(await database.query('select count(*) from history.search'), [{ count: 2 }])
  })

  await t.test('a change that comes while an older one is being indexed waits for that', async (t) => {
    const database = await databases.migrated(t)
    // Changed before it is indexed, so that it has an entry and is to be indexed again.
    await write(database, 0, [message('a', { text: 'first' }), edit('e1', 'a', { text: 'second' })])
    let change: Promise<unknown> | undefined
    const between: Database = {
      ...database,
      transaction: (work, options) =>
        database.transaction(
          (query) =>
            work(async (sql, params) => {
              const rows = await query(sql, params)
              if (sql.startsWith('delete from history.search_stale')) {
                await query(idleForLong, [])
                change = write(database, 0, [edit('e2', 'a', { text: 'third' })])
                await doneOrWaiting(database, change)
              }
              return rows as never
            }),
          options,
        ),
    }
    await indexStep(between, 10)
    t.match(await change, { changes: { edit: 1 } }, 'neither is given up for a deadlock')
    await index(database)
    t.same(await idsOf(database, 'second'), [])
    t.same(await idsOf(database, 'third'), ['a'])
  })

  await t.test('two that index at once take turns', async (t) => {
    const database = await databases.migrated(t)
    const messages = Array.from({ length: 300 }, (_, n) => message(`m${n}`, { text: 'needle', at: at(n) }))
    await write(database, 0, messages)
    const sums = await Promise.all([index(database, 10), index(database, 10), index(database, 7)])
    const rest = await index(database)
    t.equal(
      sums.reduce((sum, rows) => sum + rows, rest),
      300,
    )
    const [row] = await database.query('select count(*) from history.search', [])
    t.same(row, { count: 300 })
  })
})

/** Resolves once `work` is done, or somebody waits for a lock. */
async function doneOrWaiting(database: Database, work: Promise<unknown>): Promise<void> {
  let isDone = false
  const done = () => {
    isDone = true
  }
  work.then(done, done)
  const waiting = () =>
    database.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      [],
    )
  await until(async () => isDone || (await waiting()).length > 0, 60_000, 'it to be done or to wait')
}
