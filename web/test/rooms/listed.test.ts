import t from 'tap'
import { listedOf, nextOf } from '../../src/rooms/listed.ts'

const conversations = [
  { room: 'dm:ada:cleo', muted: false },
  { room: 'zoo', muted: true },
  { room: 'dm:ada:bob', muted: false },
  { room: 'Äpfel', muted: false },
]

t.test('rooms are sorted by name, and direct conversations by their newest messages', async (t) => {
  const { rooms, direct } = listedOf(conversations, [])
  t.same(
    rooms.map(({ room, muted }) => [room, muted]),
    [
      ['Äpfel', false],
      ['zoo', true],
    ],
  )
  t.same(
    direct.map(({ room }) => room),
    ['dm:ada:cleo', 'dm:ada:bob'],
  )
})

t.test('what is open in the tab is listed before the server has it among the conversations', async (t) => {
  const { rooms, direct } = listedOf(conversations, [
    { name: 'zoo', status: 'joined' },
    { name: 'full', status: 'left' },
    { name: 'dm:ada:new', status: 'joined' },
  ])
  t.same(
    rooms.map(({ room, out }) => [room, out]),
    [
      ['Äpfel', false],
      ['full', true],
      ['zoo', false],
    ],
  )
  t.equal(direct[0]?.room, 'dm:ada:new')
})

t.test('the next conversation is around the ends of the list, and never the present one', async (t) => {
  const items = ['a', 'b', 'c']
  const next = (at: number, by: 1 | -1, wanted = items) =>
    nextOf(items, at, by, (item) => wanted.includes(item))
  t.same([next(0, 1), next(2, 1), next(0, -1)], ['b', 'a', 'c'])
  t.same([next(-1, 1), next(-1, -1)], ['a', 'c'], 'from a page that is none of them')
  t.same([next(0, 1, ['c']), next(0, -1, ['b']), next(2, 1, ['b'])], ['c', 'b', 'b'])
  t.same(
    [next(1, 1, ['b']), next(-1, 1, []), nextOf([], -1, 1, () => true)],
    [undefined, undefined, undefined],
  )
})
