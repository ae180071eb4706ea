import { type SearchOptions, search } from '../../src/search/search.ts'
import { onBoth } from '../databases.ts'
import { at, idsFound } from '../found.ts'
import { message } from '../message.ts'
import { index, write } from '../write.ts'

await onBoth(async (t, databases) => {
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
      i: 'Спасибо БОЛЬШОЕ 👍🏽 🇩🇪',
    }
    const messages = Object.entries(texts).map(([id, text], minute) => message(id, { text, at: at(minute) }))
    await write(database, 0, messages)
    t.same(await idsFound(database, 'morning'), [], 'not before it is indexed')
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
      ['🇩🇪', ['i']],
      ['🇪🇩', []],
      ["it's", ['h']],
      ["'quoted' \\ & | ( ) :* <->", ['h']],
      ['back yes', ['h']],
    ]
    for (const [q, ids] of cases) t.same(await idsFound(database, q), ids, q)
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
      message('h', { text: 'word', at: '2026-11-22T12:00:00.000+02:00' }),
    ])
    await write(database, 1, [message('i', { text: 'word', at: at(1), room: 'elsewhere' })])
    await index(database)
    const ids = (more: Partial<SearchOptions>) => idsFound(database, 'word', more)
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
    t.same(await idsFound(database, ':all'), [], 'no word is what a message is found by besides')
    t.same(await idsFound(database, '":for eve"'), [])
    await t.rejects(ids({ before: 'e' }), { code: 'bad-frame', message: /no result of this search/ })
    await t.rejects(ids({ before: 'none' }), { code: 'bad-frame' })
  })

  await t.test('page by page, newest or best first, each result comes once', async (t) => {
    const database = await databases.migrated(t)
    // A word counts more in a shorter text. Many messages have the same rank and the same time.
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
    t.same(await idsFound(database, 'after'), ['e'])
    t.same(await idsFound(database, '字字'), ['a'])
    t.same(await idsFound(database, '字', { from: long }), ['a'])
  })
})
