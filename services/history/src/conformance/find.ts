import type { Test } from 'tap'
import { ada, bob, deletion, edit, later, type MakeFixture, message, room } from './fixture.ts'

export function testFind(t: Test, makeFixture: MakeFixture): void {
  t.test('an empty history has read nothing, and finds nothing', async (t) => {
    const { client } = await makeFixture(t)
    t.strictSame(await client.find(room, 'a', undefined), { through: null, message: undefined })
    t.strictSame(await client.replay({ room, after: ['a'], limit: 10 }, undefined), {
      through: null,
      complete: true,
      ids: [],
      lines: [],
    })
  })

  t.test('a message is found as it is after the changes that count', async (t) => {
    const { client, store } = await makeFixture(t)
    const find = async (id: string) => (await client.find(room, id, undefined)).message
    await store(message('a'), message('b'), message('c', { meta: { mood: 'good' } }))
    t.strictSame(await find('c'), message('c', { meta: { mood: 'good' } }))
    await store(edit('e1', 'a', { text: 'one' }), edit('e2', 'a', { text: 'zwei 👍' }))
    await store(edit('e3', 'a', { from: bob }), deletion('d1', 'b'), edit('e4', 'b'))
    const through = await store(deletion('d2', 'c', { from: bob, moderator: true }))
    const by = { by: ada, at: later }
    t.strictSame(await find('a'), message('a', { text: 'zwei 👍', edited: by }), 'Bob may not edit it')
    t.strictSame(await find('b'), message('b', { text: '', deleted: by }), 'what is deleted stays so')
    t.strictSame(await client.find(room, 'c', undefined), {
      through,
      message: message('c', { text: '', deleted: { by: bob, at: later } }),
    })
  })

  t.test('what is no message of the room is not found', async (t) => {
    const { client, store } = await makeFixture(t)
    const through = await store(message('a'), edit('e', 'a'), message('other', { room: 'elsewhere' }))
    for (const id of ['unknown', 'e', 'other']) {
      t.strictSame(await client.find(room, id, undefined), { through, message: undefined }, id)
    }
  })

  t.test(
    'it tells which messages and changes it knows, of any room, and nothing else about them',
    async (t) => {
      const { client, store } = await makeFixture(t)
      const through = await store(message('a'), edit('e', 'a'), message('b', { room: 'dm:ada:bob' }))
      const known = async (room: string, ...ids: string[]) => {
        const answer = await client.known(room, ids)
        return { ...answer, ids: [...answer.ids].sort() }
      }
      t.strictSame(await known(room, 'e', 'unknown', 'b', 'a'), { through, ids: ['a', 'e'] })
      t.strictSame(await known('dm:ada:bob', 'b', 'a'), { through, ids: ['b'] })
    },
  )

  t.test('it lists with whom a user talks, the newest first', async (t) => {
    const { client, store } = await makeFixture(t)
    t.strictSame((await client.directRooms('ada', 10)).rooms, [])
    const at = (minute: number) => ({ at: `2026-11-22T10:0${minute}:00.000Z` })
    await store(message('a'), message('b', { room: 'dm:ada:bob', ...at(1) }))
    await store(
      message('c', { room: 'dm:ada:eve', ...at(2) }),
      message('d', { room: 'dm:ada:ada', ...at(3) }),
    )
    await store(
      message('e', { room: 'dm:ada:bob', ...at(4) }),
      message('f', { room: 'dm:bob:eve', ...at(5) }),
    )
    const through = await store(
      edit('g', 'c', { room: 'dm:ada:eve' }),
      message('b', { room: 'dm:ada:bob', ...at(6) }),
    )
    const [bob, own, eve] = [
      { room: 'dm:ada:bob', last: 'e' },
      { room: 'dm:ada:ada', last: 'd' },
      { room: 'dm:ada:eve', last: 'c' },
    ]
    t.strictSame(await client.directRooms('ada', 10), { through: [through], rooms: [bob, own, eve] })
    t.strictSame((await client.directRooms('ada', 2)).rooms, [bob, own])
    t.strictSame((await client.directRooms('bob', 10)).rooms, [{ room: 'dm:bob:eve', last: 'f' }, bob])
    t.strictSame((await client.directRooms('nobody', 10)).rooms, [])
  })

  t.test('direct messages are for their participants, messages to a user for that user', async (t) => {
    const { client, store } = await makeFixture(t)
    const [direct, own] = [message('a', { room: 'dm:ada:bob' }), message('b', { room: 'user:bob' })]
    await store(direct, own)
    for (const event of [direct, own]) {
      t.strictSame((await client.find(event.room, event.id, 'bob')).message, event)
      const query = { room: event.room, after: [event.id], limit: 10 }
      t.strictSame((await client.replay(query, 'bob')).ids, [event.id])
      for (const user of [undefined, 'eve']) {
        await t.rejects(client.find(event.room, event.id, user))
        await t.rejects(client.replay(query, user))
      }
    }
  })
}
