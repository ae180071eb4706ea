import { RoomsReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { letRoomsAppear } from '../../src/rooms/room-rows.ts'
import { onBoth } from '../databases.ts'
import { ada, bob, buildApi, eve, mona, seat } from '../room-api.ts'

await onBoth(async (t, make) => {
  await t.test('a list holds what its reader may enter, page by page', async (t) => {
    const { as, database } = await buildApi(t, await make(t))
    for (const name of ['Äpfel', 'b', 'c', 'd']) await as(ada, 'POST /api/rooms', { name })
    for (const name of ['cellar', 'attic']) await as(ada, 'POST /api/rooms', { name, access: 'invite' })
    await as(ada, 'PUT /api/rooms/cellar/invitations/bob')
    await letRoomsAppear(database.query, ['a', 'Z'], new Map())

    async function list(user: typeof ada | undefined, query: string): Promise<string[][]> {
      const pages: string[][] = []
      for (let after = ''; ; ) {
        const { status, body } = await as(user, `GET /api/rooms?${query}${after}`)
        t.equal(status, 200)
        t.ok(Value.Check(RoomsReply, body))
        if (!Value.Check(RoomsReply, body)) return []
        pages.push(body.rooms.map(({ name }) => name))
        if (body.next === undefined) return pages
        after = `&after=${encodeURIComponent(body.next)}`
      }
    }
    const open = ['Z', 'a', 'b', 'c', 'd', 'Äpfel']
    t.same(await list(undefined, ''), [open])
    t.same(await list(eve, ''), [open])
    t.same(await list(bob, ''), [['Z', 'a', 'b', 'c', 'cellar', 'd', 'Äpfel']])
    const all = ['Z', 'a', 'attic', 'b', 'c', 'cellar', 'd', 'Äpfel']
    t.same(await list(ada, ''), [all])
    t.same(await list(mona, 'limit=3'), [all.slice(0, 3), all.slice(3, 6), all.slice(6)])
    t.same(await list(mona, 'limit=8'), [all])

    await seat(database, 'c', 2)
    await seat(database, 'b', 3)
    await seat(database, 'd', 2)
    await seat(database, 'attic', 9)
    const byUsers = ['b', 'c', 'd', 'Z', 'a', 'Äpfel']
    for (const limit of [1, 2, 3, 4, 6, 50]) {
      t.same((await list(eve, `sort=users&limit=${limit}`)).flat(), byUsers, `${limit} at a time`)
    }
    t.same((await list(mona, 'sort=users&limit=3')).flat(), [
      'attic',
      'b',
      'c',
      'd',
      'Z',
      'a',
      'cellar',
      'Äpfel',
    ])
    const { body } = await as(eve, 'GET /api/rooms?sort=users&limit=2')
    t.match(body, {
      rooms: [
        { name: 'b', count: 3 },
        { name: 'c', count: 2 },
      ],
      next: '2:c',
    })
  })

  await t.test(
    'a search finds parts of names and topics, in any script, and takes no character for a wildcard',
    async (t) => {
      const { as, database } = await buildApi(t, await make(t))
      const rooms = {
        Teehaus: 'Green & black',
        '100-percent': 'is 100%',
        under_score: '',
        ÉCOLE: 'Straße',
        張三茶館: '喝茶聊天',
        Ελλάδα: 'ΚΑΛΗΜΕΡΑ ΣΑΣ',
        'family.room': '👨‍👩‍👧 and others',
      }
      for (const [name, topic] of Object.entries(rooms)) await as(ada, 'POST /api/rooms', { name, topic })
      await as(ada, 'POST /api/rooms', { name: 'teekeller', access: 'invite' })
      await letRoomsAppear(database.query, ['Tea-Time'], new Map())
      const find = async (q: string, user = eve) => {
        const { body } = await as(user, `GET /api/rooms?q=${encodeURIComponent(q)}`)
        return Value.Check(RoomsReply, body) ? body.rooms.map(({ name }) => name) : body
      }
      const found: [string, string[]][] = [
        ['tee', ['Teehaus']],
        ['TE', ['Tea-Time', 'Teehaus']],
        ['haus', ['Teehaus']],
        ['black green', ['Teehaus']],
        ['green white', []],
        ['usgr', []],
        ['%', ['100-percent']],
        ['100%', ['100-percent']],
        ['_', ['under_score']],
        ['r_s', ['under_score']],
        ['\\', []],
        ["'; drop table rooms.rooms; --", []],
        ['école', ['ÉCOLE']],
        ['STRASSE', []],
        ['straße', ['ÉCOLE']],
        ['茶', ['張三茶館']],
        ['張三', ['張三茶館']],
        ['三張', []],
        ['ｔｅｅ', ['Teehaus']],
        ['ελλάδα', ['Ελλάδα']],
        ['👨‍👩‍👧', ['family.room']],
        ['and', ['family.room']],
        ['zzz', []],
        [
          '   ',
          ['100-percent', 'Tea-Time', 'Teehaus', 'family.room', 'under_score', 'ÉCOLE', 'Ελλάδα', '張三茶館'],
        ],
      ]
      for (const [q, names] of found) t.same(await find(q), names, q)
      t.same(await find('tee', ada), ['Teehaus', 'teekeller'])
      await as(ada, 'PATCH /api/rooms/Teehaus', { topic: 'Kaffee' })
      t.same(await find('green'), [])
      t.same(await find('kaffee'), ['Teehaus'])
      await seat(database, 'Tea-Time', 1)
      const { body } = await as(eve, 'GET /api/rooms?q=te&sort=users&limit=1')
      t.match(body, { rooms: [{ name: 'Tea-Time', count: 1 }], next: '1:Tea-Time' })
      t.match((await as(eve, 'GET /api/rooms?q=te&sort=users&limit=1&after=1:Tea-Time')).body, {
        rooms: [{ name: 'Teehaus' }],
      })
    },
  )
})
