import t from 'tap'
import { listedOf } from '../../src/rooms/listed.ts'

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
