import { until } from '@rabble/harness'
import t from 'tap'
import { enter, idsIn } from './build.ts'
import { joined, lose, message, startFakeGateway } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

const some = Array.from({ length: 10 }, (_, index) => message('general', `m${index}`))

for (const when of ['joined', 'message'] as const) {
  for (const what of ['leave', 'close'] as const) {
    t.test(`${what}() while ${when} is told is the end: nothing more comes`, async (t) => {
      const { chat, room, events, gateway } = await openRoom(t, (frame) =>
        frame.type === 'join' ? joined(frame, { events: some }) : undefined,
      )
      room.on(when, () => void (what === 'leave' ? room.leave() : chat.close()))
      const reader = room[Symbol.asyncIterator]()
      await until(() => room.status === 'left', 30_000, 'the end')
      gateway.connections[0]?.send(message('general', 'later'))
      // The answer to a request for another room comes after the answer to the first one.
      if (what === 'leave') await chat.room('other').join()
      t.match(room.state, { status: 'left', code: what === 'leave' ? 'left' : 'closed' })
      t.same(idsIn(events), when === 'joined' ? [] : ['m0'])
      t.equal(room.messages.length, idsIn(events).length)
      await t.rejects(room.join(), { code: what === 'leave' ? 'left' : 'closed' })
      while (!(await reader.next()).done);
      if (what === 'leave') t.same(gateway.frames('leave').length, 1)
      else t.equal(chat.status, 'closed')
    })
  }
}

t.test('a room that is left while it is caught up with tells nothing more of what was missed', async (t) => {
  const { chat, room, events, gateway } = await openRoom(
    t,
    (frame) => {
      if (frame.type !== 'join' || frame.room !== 'general') return undefined
      if (frame.after === undefined) return joined(frame, { events: [message('general', 'm0')] })
      return joined(frame, { complete: false, events: [message('general', 'm9')] })
    },
    () => ({ messages: ['m1', 'm2', 'm3'] }),
  )
  await room.join()
  room.on('message', ({ message }) => void (message.id === 'm1' && room.leave()))
  await lose(gateway, chat)
  await until(() => room.status === 'left', 30_000, 'the end')
  await chat.room('other').join()
  t.same(idsIn(events), ['m0', 'm1'])
  t.equal(gateway.frames('join').filter(({ room }) => room === 'general').length, 2)
})

t.test('a room that is left when it was put out is not entered again', async (t) => {
  const { chat, room, gateway } = await openRoom(t)
  await room.join()
  room.on('left', () => void room.leave())
  gateway.connections[0]?.send({ type: 'left', room: 'general', code: 'room-full', message: 'no seat' })
  await until(() => room.status === 'left', 30_000, 'the end')
  await chat.room('other').join()
  t.match(room.state, { status: 'left', code: 'left' })
  t.same(
    gateway.frames('join').map(({ room }) => room),
    ['general', 'other'],
  )
})

t.test('a chat that is closed as soon as it is open joins nothing, and is ready all the same', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  chat.on('state', ({ state }) => state.status === 'open' && chat.close())
  await chat.ready
  await until(() => gateway.connections[0]?.code === 1000, 30_000, 'the goodbye')
  t.same(gateway.frames('join'), [])
  t.match(room.state, { status: 'left', code: 'closed' })
  t.equal(gateway.clock.pending, 0)
})

t.test('a listener that another one ends before its turn is not called', async (t) => {
  const { room, gateway } = await openRoom(t)
  await room.join()
  const told: string[] = []
  room.on('message', () => {
    told.push('one')
    off()
  })
  const off = room.on('message', () => told.push('other'))
  gateway.connections[0]?.send(message('general', 'm1'))
  await until(() => told.length > 0, 30_000, 'the message')
  await room.fetchMembers()
  t.same(told, ['one'])
})
