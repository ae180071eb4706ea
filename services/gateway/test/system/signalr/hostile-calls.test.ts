import { encode } from '@msgpack/msgpack'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { WebSocket } from 'ws'
import { build } from '../../build.ts'
import { buildWithRooms } from '../../rooms-build.ts'
import { pass } from '../../time.ts'
import { connectHub } from './hub-connection.ts'
import { connections, end, handshake, negotiate, openRaw, packed } from './raw-hub.ts'

/** Encodes a call in each protocol. */
const encoders = {
  json: (invocationId: string, target: string, ...args: string[]) =>
    `${JSON.stringify({ type: 1, invocationId, target, arguments: args })}${end}`,
  messagepack: (invocationId: string, target: string, ...args: string[]) =>
    packed(encode([1, {}, invocationId, target, args])),
}

for (const [protocol, call] of Object.entries(encoders)) {
  t.test(`a frame that is nested too deep is refused wherever it comes, in ${protocol}`, async (t) => {
    const gateway = await build(t)
    const raw = await openRaw(t, gateway, handshake(protocol))
    const heard = () => raw.texts.join('') + Buffer.concat(raw.bytes).toString()
    await until(() => heard().includes('{}'), 60_000, 'the handshake')
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    // The name is claimed when the message has been sent.
    const calls = [
      call('1', 'Send', 'general', 'hi'),
      call('2', 'Request', `{"type":"hello","name":"Ada","more":${deep}}`),
      call('3', 'Request', `{"type":"typing","room":"general","more":${deep}}`),
      call('4', 'Request', '{"type":"hello","name":"Bob"}'),
    ]
    for (const each of calls) raw.socket.send(each)
    await until(() => /welcome.*Bob/s.test(heard()), 60_000, 'the last answer')
    t.match(heard(), /bad-frame/)
    t.equal(await connections(gateway), 1)
  })
}

t.test('what a stateful client has not acknowledged takes no memory once it is gone', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join('tea')
  for (let n = 0; n < 40; n++) await ada.send('tea', 'x'.repeat(4_000))
  const held = () => gateway.metric('rabble_gateway_replay_bytes')
  for (const how of ['close', 'terminate'] as const) {
    const { connectionToken: key } = await negotiate(gateway, '?negotiateVersion=1&useStatefulReconnect=true')
    const socket = new WebSocket(`${gateway.http.replace('http', 'ws')}/chathub?id=${key}`)
    t.teardown(() => socket.terminate())
    socket.once('open', () => socket.send(`${handshake('json', 2)}${encoders.json('1', 'Join', 'tea')}`))
    await until(async () => (await held()) > 100_000, 60_000, 'the replay')
    socket[how]()
    await pass(clock, 1_000, async () => (await connections(gateway)) === 1, 'the end')
    await until(async () => (await held()) === 0, 60_000, `nothing to be held after ${how}`)
  }
})

t.test('a room without a place for the new name of a guest is left, and its stream ends', async (t) => {
  const { a: gateway, rooms } = await buildWithRooms(t)
  rooms.put('room:small', { kind: 'room', room: 'small', capacity: 2 })
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  await bob.join('small')
  const { hub, events } = await connectHub(t, gateway)
  await hub.invoke('Join', 'small')
  const ended = new Promise<Error>((resolve) =>
    hub.stream('Stream', 'small').subscribe({ next() {}, error: resolve, complete() {} }),
  )
  // After it, the stream has begun.
  await hub.invoke('Members', 'small')
  await hub.invoke('SendMessage', 'Ada', 'hi')
  t.match((await ended).message, /HubException: the room is full/)
  t.match(
    events.find(({ type }) => type === 'left'),
    { room: 'small', code: 'room-full' },
  )
})
