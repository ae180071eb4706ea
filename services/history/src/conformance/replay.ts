import type { ChatEvent } from '@rabble/contract'
import { bytesOf } from '@rabble/event-log'
import type { Test } from 'tap'
import type { Replay, ReplayQuery } from '../client.ts'
import {
  ada,
  bob,
  deletion,
  edit,
  type HistoryFixture,
  later,
  type MakeFixture,
  message,
  room,
} from './fixture.ts'

/** Returns a function that asks for what followed in the room. */
function askerOf({ client }: HistoryFixture) {
  return (query: Partial<ReplayQuery> & Pick<ReplayQuery, 'after'>): Promise<Replay> =>
    client.replay({ room, limit: 100, ...query }, undefined)
}

/** Returns the events in the lines of a replay; undefined for lines that are empty. */
function eventsIn({ lines }: Pick<Replay, 'lines'>): (ChatEvent | undefined)[] {
  return lines.map((line) => (line === '' ? undefined : (JSON.parse(bytesOf(line).toString()) as ChatEvent)))
}

const nothing = { complete: true, ids: [], lines: [] }

export function testReplay(t: Test, makeFixture: MakeFixture): void {
  t.test('a replay begins with the oldest known message, and tells up to where it goes', async (t) => {
    const fixture = await makeFixture(t)
    const replay = askerOf(fixture)
    const events = ['a', 'b', 'c', 'd', 'e'].map((id) => message(id))
    await fixture.store(...events.slice(0, 3), message('other', { room: 'elsewhere' }))
    const through = await fixture.store(...events.slice(3))
    const { ids, lines, ...head } = await replay({ after: ['d', 'unknown', 'b'] })
    t.strictSame(head, { through, complete: true })
    t.strictSame(ids, ['b', 'c', 'd', 'e'])
    t.strictSame(eventsIn({ lines }), events.slice(1))
  })

  t.test('a replay of what it does not know is empty', async (t) => {
    const fixture = await makeFixture(t)
    const replay = askerOf(fixture)
    const through = await fixture.store(message('a'), message('other', { room: 'elsewhere' }))
    t.strictSame(
      {
        messages: await replay({ after: ['unknown'] }),
        ofAnotherRoom: await replay({ after: ['other'] }),
        room: await replay({ room: 'nowhere', after: ['a'] }),
      },
      {
        messages: { ...nothing, through },
        ofAnotherRoom: { ...nothing, through },
        room: { ...nothing, through },
      },
    )
  })

  t.test('an event that the log holds twice stands where it stood first', async (t) => {
    const fixture = await makeFixture(t)
    const replay = askerOf(fixture)
    await fixture.store(message('a'), message('b'), message('c'))
    const through = await fixture.store(message('b', { text: 'again' }), message('d'), edit('e', 'a'))
    const again = await fixture.store(edit('e', 'a'))
    t.ok(again > through)
    const { ids, lines, through: end } = await replay({ after: ['a'] })
    t.strictSame({ ids, end }, { ids: ['a', 'b', 'c', 'd', 'e'], end: again })
    t.match(eventsIn({ lines })[1], message('b'))
  })

  t.test('the empty id stands before all that is there', async (t) => {
    const fixture = await makeFixture(t)
    const replay = askerOf(fixture)
    t.match(await replay({ after: [''] }), { complete: true, ids: [''], lines: [''] }, 'an empty history')
    const through = await fixture.store(message('a'), message('b'), edit('e', 'a'))
    t.match(await replay({ after: ['', 'b'] }), { through, complete: true, ids: ['', 'a', 'b', 'e'] })
    t.match(await replay({ room: 'nowhere', after: [''] }), { complete: true, ids: [''], lines: [''] })
    t.match(await replay({ after: [''], limit: 3 }), { complete: true, ids: { length: 4 } })
    t.match(await replay({ after: [''], limit: 2 }), { complete: false, ids: [] })
    t.match(await replay({ after: ['', 'b'], limit: 2 }), { complete: true, ids: ['b', 'e'] })
  })

  t.test('what is too much is not sent in part, and spoils it for nobody else', async (t) => {
    const fixture = await makeFixture(t)
    const replay = askerOf(fixture)
    const through = await fixture.store(...['a', 'b', 'c', 'd', 'e'].map((id) => message(id)))
    t.strictSame(await replay({ after: ['b'], limit: 3 }), { ...nothing, through, complete: false })
    const { ids, complete } = await replay({ after: ['a', 'd', 'c', 'b'], limit: 3 })
    t.strictSame({ ids, complete }, { ids: ['c', 'd', 'e'], complete: true })
  })

  t.test('a replay has the newest change of each message, and the ids of all', async (t) => {
    const fixture = await makeFixture(t)
    const replay = askerOf(fixture)
    const [last, gone] = [edit('e2', 'a'), deletion('d', 'b', { from: bob, moderator: true })]
    await fixture.store(message('a'), message('b'), edit('e1', 'a'), message('c'))
    await fixture.store(last, gone, edit('late', 'b'), edit('elsewhere', 'a', { room: 'elsewhere' }))
    const { ids, lines } = await replay({ after: ['a'] })
    t.strictSame(ids, ['a', 'b', 'e1', 'c', 'e2', 'd', 'late'])
    t.strictSame(eventsIn({ lines }), [
      message('a', { text: last.text, edited: { by: ada, at: later } }),
      message('b', { text: '', deleted: { by: bob, at: later } }),
      undefined,
      message('c'),
      last,
      gone,
      undefined,
    ])
    t.strictSame((await replay({ after: ['e1'] })).ids, ['e1', 'c', 'e2', 'd', 'late'], 'changes are places')
    t.match(await replay({ after: ['late'] }), { complete: true, ids: ['late'], lines: [''] })
    t.match(await replay({ after: ['a'], limit: 6 }), { complete: false }, 'all of them count')
  })

  t.test('a question beyond the limits fails', async (t) => {
    const fixture = await makeFixture(t)
    const replay = askerOf(fixture)
    const tooMany = Array.from({ length: 1_001 }, (_, n) => `m${n}`)
    for (const query of [
      { after: [] },
      { after: tooMany },
      { after: ['a'], limit: 0 },
      { after: ['a'], limit: 20_001 },
    ]) {
      await t.rejects(replay(query))
    }
    t.match(await replay({ after: tooMany.slice(1), limit: 20_000 }), nothing)
  })
}
