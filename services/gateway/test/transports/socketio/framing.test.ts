import t from 'tap'
import { frameOf } from '../../../src/transports/socketio/client-events.ts'
import { createSocketIoCodec, packetsOf } from '../../../src/transports/socketio/framing.ts'

const codec = createSocketIoCodec('lobby')
const event = {
  type: 'message',
  room: 'lobby',
  id: 'id-1',
  text: 'é',
  at: '2026-11-22T10:00:00.000Z',
  via: 'g',
}

t.test('packets of any length come back from their frames', async (t) => {
  for (const length of [0, 1, 50, 100, 110, 125, 126, 127, 65_000, 65_535, 65_536, 70_000]) {
    const json = JSON.stringify({ type: 'presence', filler: 'x'.repeat(length) })
    const encoded = codec.encodeEvents([Buffer.from(json), Buffer.from(JSON.stringify(event))])
    const [first, second, ...more] = packetsOf(encoded)
    t.equal(first, `2["event",${json}]`)
    t.match(second, /^2\["message",/)
    t.same(more, [])
    t.equal(packetsOf(encoded), packetsOf(encoded), 'they are decoded once')
  }
})

t.test('messages to the lobby and of the system are `message`, all else is `event`', async (t) => {
  const packet = (fields: object) => {
    const [text = ''] = packetsOf(codec.encodeEvents([Buffer.from(JSON.stringify({ ...event, ...fields }))]))
    return JSON.parse(text.slice(1))
  }
  const data = { text: 'é', date: event.at, ip: 'g' }
  t.strictSame(packet({}), ['message', data, event, 'id-1'])
  for (const room of ['*', 'user:ada']) t.strictSame(packet({ room }), ['message', data, { ...event, room }])
  for (const fields of [{ room: 'tea' }, { room: 'dm:a:b' }, { type: 'edit' }, { type: 'delete' }]) {
    t.strictSame(packet(fields), ['event', { ...event, ...fields }])
  }
})

t.test('a reply is an acknowledgement, or an event if the client waits for none', async (t) => {
  const reply = (frame: { type: 'sent' | 'error'; ref?: number }) =>
    packetsOf(codec.encodeReply({ ...frame, json: Buffer.from(JSON.stringify(frame)) }))
  t.strictSame(reply({ type: 'sent', ref: 7 }), ['37[{"ok":true,"type":"sent","ref":7}]'])
  t.strictSame(reply({ type: 'error', ref: 0 }), ['30[{"error":{"type":"error","ref":0}}]'])
  t.strictSame(reply({ type: 'sent' }), ['2["event",{"type":"sent"}]'])
})

t.test('events of clients become frames', async (t) => {
  const frame = (name: unknown, ...args: unknown[]) => JSON.parse(frameOf(name, args, 'lobby', 1))
  t.strictSame(frame('message', 'hi'), { type: 'send', room: 'lobby', text: 'hi', ref: 1 })
  t.strictSame(frame('message', 'hi', 'c'), { type: 'send', room: 'lobby', text: 'hi', cid: 'c', ref: 1 })
  t.strictSame(frame('message', { text: 'hi', room: 'tea', ref: 9, type: 'x' }), {
    type: 'send',
    room: 'lobby',
    text: 'hi',
    ref: 1,
  })
  t.strictSame(frame('send', 'tea', 'hi', null), { type: 'send', room: 'tea', text: 'hi', ref: 1 })
  t.strictSame(frame('send', { to: 'ada', text: 'hi' }), { type: 'send', to: 'ada', text: 'hi', ref: 1 })
  t.strictSame(frame('join', ['tea']), { type: 'join', room: ['tea'], ref: 1 })
  t.strictSame(frame('ping'), { type: 'ping', ref: 1 })
  t.strictSame(frame(7, 'x'), { type: 7, ref: 1 })
  t.strictSame(frame('toString', 'x'), { type: 'toString', ref: 1 })
})
