import { until } from '@rabble/harness'
import t from 'tap'
import { enter, statesOf } from './build.ts'
import { type Answer, lose, refusal, startFakeGateway, welcome } from './fake-gateway.ts'

t.test('told to reconnect, it opens the next connection before it lets go of this one', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  await room.join()
  const states = statesOf(chat)
  let openThen: boolean | undefined
  chat.on('state', () => {
    openThen = gateway.connections[0]?.open
  })
  gateway.connections[0]?.send({ type: 'reconnect', after: 30_000 })
  // The answer comes after it.
  await room.fetchMembers()
  await gateway.clock.advance(29_999)
  t.equal(gateway.attempts, 1, 'not earlier than it was told to')
  await gateway.clock.advance(1)
  await until(() => gateway.connections[1]?.frames.length === 2, 30_000, 'the next connection')
  await until(() => gateway.connections[0]?.code !== undefined, 30_000, 'the end of the first one')
  t.same(states, ['open'], 'there was no moment without a connection')
  t.equal(openThen, true)
  t.equal(gateway.connections[0]?.code, 1000)
  t.match(gateway.connections[1]?.frames, [{ type: 'hello' }, { type: 'join', room: 'general' }])
  await until(() => room.status === 'joined', 30_000, 'the room')
  chat.reconnect()
  await until(() => gateway.connections[2]?.frames.length === 2, 30_000, 'the third connection')
  await until(() => room.status === 'joined', 30_000, 'the room')
})

for (const [what, fail] of Object.entries({
  'that is full': (frame) => refusal(frame, 'unavailable'),
  'that is lost': (_, connection) => {
    connection.close()
    return null
  },
} satisfies Record<string, Answer>)) {
  t.test(`a move to a gateway ${what} costs nothing, and is tried again`, async (t) => {
    const gateway = await startFakeGateway(t, (frame, connection) => {
      if (frame.type !== 'hello') return undefined
      if (gateway.connections.length === 2) return fail(frame, connection)
      return gateway.connections.length === 3 ? null : undefined
    })
    const { clock } = gateway
    const chat = gateway.connect()
    const room = enter(chat, 'general')
    await room.join()
    const states = statesOf(chat)
    chat.reconnect()
    await until(() => gateway.connections[1]?.open === false, 30_000, 'the attempt that fails')
    // One timer is the first connection’s heartbeat, the other the wait.
    await until(() => clock.pending === 2, 30_000, 'the wait for the next attempt')
    await room.send('still here')
    // The first wait is shorter than half a second.
    await clock.advance(500)
    await until(() => gateway.connections[2]?.frames[0]?.type === 'hello', 30_000, 'the next attempt')
    t.ok(gateway.connections[0]?.open)
    gateway.connections[2]?.send(welcome())
    await until(() => gateway.connections[2]?.frames[1]?.type === 'join', 30_000, 'the move')
    await until(() => gateway.connections[0]?.code === 1000, 30_000, 'the end of the first one')
    t.same(states, ['open'], 'there was no moment without a connection')
    t.equal(gateway.connections[0]?.frames.at(-1)?.type, 'send')
  })
}

t.test('a move that is refused for good leaves the chat where it is', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' && gateway.connections.length === 2 ? refusal(frame, 'forbidden') : undefined,
  )
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  await room.join()
  chat.reconnect()
  await until(() => gateway.connections[1]?.code !== undefined, 30_000, 'the refusal')
  await room.send('still here')
  await gateway.clock.advance(600_000)
  t.equal(gateway.attempts, 2, 'it is not tried again')
  t.equal(chat.status, 'open')
  await lose(gateway, chat)
  await until(() => gateway.connections.length === 3 && room.status === 'joined', 30_000, 'a way back')
})
