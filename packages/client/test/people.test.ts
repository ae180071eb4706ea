import type { ServerFrame } from '@rabble/contract'
import { until } from '@rabble/harness'
import t from 'tap'
import { joined, lose, message } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

const [ada, bob, carol] = ['Ada', 'Bob', 'Carol'].map((name) => ({
  id: `guest-${name.toLowerCase()}`,
  name,
})) as [{ id: string; name: string }, { id: string; name: string }, { id: string; name: string }]

t.test('who types is in a list, until nothing is heard for a while or the message comes', async (t) => {
  const { chat, room, events, gateway, clock } = await openRoom(t)
  await room.join()
  const type = (user: typeof bob) => gateway.connections[0]?.send({ type: 'typing', room: 'general', user })
  const names = () => room.typing.map(({ name }) => name).join()
  type(bob)
  type(carol)
  await until(() => names() === 'Bob,Carol', 30_000, 'both')
  await clock.advance(4_000)
  type(bob)
  await room.fetchMembers()
  const before = room.typing
  await clock.advance(999)
  t.equal(room.typing, before, 'the same list while nothing has changed')
  await clock.advance(1)
  t.equal(names(), 'Bob')
  gateway.connections[0]?.send(message('general', 'm1'))
  await until(() => names() === '', 30_000, 'the message of Bob')
  type(carol)
  await until(() => names() === 'Carol', 30_000, 'Carol')
  gateway.connections[0]?.send({ type: 'presence', room: 'general', joined: [], left: [carol], count: 1 })
  await until(() => names() === '', 30_000, 'Carol to go')
  type(carol)
  await until(() => names() === 'Carol', 30_000, 'Carol')
  await lose(gateway, chat)
  t.equal(names(), '', 'after an absence nobody knows')
  const told = events.flatMap((event) =>
    event.type === 'typing' ? [event.users.map(({ name }) => name).join()] : [],
  )
  t.same(told, ['Bob', 'Bob,Carol', 'Bob', '', 'Carol', '', 'Carol', ''])
})

t.test('the members are listed once somebody listens, and kept up to date from then on', async (t) => {
  let users = [ada, bob]
  const { chat, room, gateway } = await openRoom(t, (frame): ServerFrame | undefined => {
    if (frame.type === 'members')
      return { type: 'members', ref: frame.ref ?? 0, room: 'general', users, count: users.length }
    return frame.type === 'join' ? joined(frame, { count: 2 }) : undefined
  })
  await room.join()
  t.same(room.members, { users: [], count: 2, complete: false })
  // The answer comes after that to an earlier request.
  await room.send('hello')
  t.same(gateway.frames('members'), [], 'a room whose members nobody looks at costs the server nothing')
  room.on('members', () => {})
  await until(() => room.members.complete, 30_000, 'the list')
  t.same(room.members, { users: [ada, bob], count: 2, complete: true })
  const { members } = room
  t.equal(room.members, members)
  const tell = (joined: (typeof bob)[], left: (typeof bob)[], count: number) =>
    gateway.connections[0]?.send({ type: 'presence', room: 'general', joined, left, count })
  tell([carol], [bob], 2)
  await until(() => room.members.users.includes(carol) || room.members !== members, 30_000, 'Carol')
  t.same(room.members, { users: [ada, carol], count: 2, complete: true })
  t.same(members.users, [ada, bob], 'an earlier list stays as it was')
  t.equal(gateway.frames('members').length, 1)
  users = [ada]
  await lose(gateway, chat)
  t.notOk(room.members.complete)
  await until(() => room.members.complete, 30_000, 'the list after the absence')
  t.same(room.members.users, [ada])
})

t.test(
  'a list that presence events can’t keep up to date is not called complete, and asked for again',
  async (t) => {
    const { room, gateway, clock } = await openRoom(t, (frame): ServerFrame | undefined => {
      if (frame.type === 'members')
        return { type: 'members', ref: frame.ref ?? 0, room: 'general', users: [ada, bob], count: 2 }
      return frame.type === 'join' ? joined(frame, { count: 2 }) : undefined
    })
    room.on('members', () => {})
    await until(() => room.members.complete, 30_000, 'the list')
    gateway.connections[0]?.send({ type: 'presence', room: 'general', joined: [carol], left: [], count: 150 })
    await until(() => room.count === 150, 30_000, 'the count')
    t.same(room.members, { users: [ada, bob, carol], count: 150, complete: false })
    await clock.advance(7_999)
    t.equal(gateway.frames('members').length, 1)
    await clock.advance(1)
    await until(() => room.members.complete, 30_000, 'the list again')
    t.same(room.members, { users: [ada, bob], count: 2, complete: true })
  },
)

t.test('a list that is older than what was told before it is asked for again', async (t) => {
  let users = [ada]
  const { room, gateway, clock } = await openRoom(t, (frame): ServerFrame | undefined => {
    if (frame.type === 'members')
      return { type: 'members', ref: frame.ref ?? 0, room: 'general', users, count: users.length }
    return frame.type === 'join' ? joined(frame, { count: 2 }) : undefined
  })
  room.on('members', () => {})
  await until(() => room.members.users.length === 1, 30_000, 'the list from before Bob came')
  users = [ada, bob]
  await clock.advance(7_999)
  t.equal(gateway.frames('members').length, 1)
  await clock.advance(1)
  await until(() => room.members.users.length === 2, 30_000, 'the list again')
  t.same(room.members, { users: [ada, bob], count: 2, complete: true })
  // The second answer differs from the first one, and the third from none.
  await clock.advance(8_000)
  await room.fetchMembers()
  const { length } = gateway.frames('members')
  await clock.advance(60_000)
  t.equal(gateway.frames('members').length, length, 'until it stays the same')
})
