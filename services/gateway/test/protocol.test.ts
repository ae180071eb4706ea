import { once } from 'node:events'
import type { ServerFrame } from '@rabble/contract'
import { type ChatClient, connectChat } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { WebSocket } from 'ws'
import { build, secret } from './build.ts'

t.test('hello, join, send, leave: each is answered under its ref, and members get the message', async (t) => {
  const { ws, gateway } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  const bob = await connectChat(t, ws, { name: 'Bob' })
  const welcome = ada.frames[0]
  t.match(welcome, {
    type: 'welcome',
    user: { name: 'Ada' },
    gateway: gateway.id,
    limits: { textCharacters: 4000 },
  })

  t.match(await ada.request({ type: 'join', room: 'general' }), {
    type: 'joined',
    room: 'general',
    events: [],
    complete: true,
    count: 1,
  })
  t.match(await bob.request({ type: 'join', room: 'general' }), { count: 2 })
  t.match(await ada.request({ type: 'members', room: 'general' }), {
    count: 2,
    users: [{ name: 'Ada' }, { name: 'Bob' }],
  })

  const sent = await ada.request({
    type: 'send',
    room: 'general',
    text: 'hi',
    cid: '1',
    replyTo: 'x',
    meta: { a: [1] },
  })
  const message = await bob.waitFor((frame) => frame.type === 'message')
  t.match(message, {
    type: 'message',
    room: 'general',
    id: sent.id,
    cid: '1',
    from: { name: 'Ada' },
    text: 'hi',
    at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    via: gateway.id,
    replyTo: 'x',
    meta: { a: [1] },
  })
  t.match(await ada.waitFor((frame) => frame.type === 'message'), { id: sent.id }, 'its sender gets it too')

  t.match(await bob.request({ type: 'leave', room: 'general' }), { type: 'left', room: 'general' })
  await t.rejects(bob.request({ type: 'leave', room: 'general' }), { code: 'not-joined' })
  await ada.send('general', 'are you there?')
  await bob.request({ type: 'ping' })
  t.equal(bob.messages('general').length, 1, 'who has left gets no more')
})

t.test('a frame that breaks a rule is answered with its error, and the connection goes on', async (t) => {
  const { ws, metric } = await build(t, { limits: { roomsPerSession: 3, textCharacters: 10 } })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  const refused: [string, object, string][] = [
    ['hello twice', { type: 'hello', name: 'Eve' }, 'bad-frame'],
    ['no type', {}, 'bad-frame'],
    ['an unknown type', { type: 'launch' }, 'bad-frame'],
    ['a type of Object.prototype', { type: 'constructor' }, 'bad-frame'],
    ['a field of a wrong type', { type: 'send', room: 'general', text: 1 }, 'bad-frame'],
    ['no text', { type: 'send', room: 'general' }, 'bad-frame'],
    ['an empty text', { type: 'send', room: 'general', text: '' }, 'bad-frame'],
    ['a long text', { type: 'send', room: 'general', text: 'x'.repeat(11) }, 'too-large'],
    ['meta without a bottom', { type: 'send', room: 'general', text: 'x', meta: nested(33) }, 'too-large'],
    ['no destination', { type: 'send', text: 'x' }, 'bad-frame'],
    ['two destinations', { type: 'send', room: 'general', to: 'bob', text: 'x' }, 'bad-frame'],
    ['a room that was not joined', { type: 'send', room: 'other', text: 'x' }, 'not-joined'],
    ['typing there', { type: 'typing', room: 'other' }, 'not-joined'],
    ['who is there', { type: 'members', room: 'other' }, 'not-joined'],
    ['everybody', { type: 'send', room: '*', text: 'x' }, 'forbidden'],
    ['the inbox of a user', { type: 'send', room: 'user:bob', text: 'x' }, 'forbidden'],
    ['the messages of others', { type: 'join', room: 'dm:bob:eve' }, 'forbidden'],
    ['sending into them', { type: 'send', room: 'dm:bob:eve', text: 'x' }, 'forbidden'],
    ['a room name with a colon', { type: 'join', room: 'a:b' }, 'bad-frame'],
    ['a room name with a line feed', { type: 'join', room: 'a\nb' }, 'bad-frame'],
    ['a room name that is not NFC', { type: 'join', room: 'cafe\u0301' }, 'bad-frame'],
    ['a user id with a space', { type: 'send', to: 'a b', text: 'x' }, 'bad-frame'],
  ]
  for (const [what, frame, code] of refused) await t.rejects(anything(ada, frame), { code }, what)
  t.equal(await metric('rabble_gateway_frames_refused_total'), refused.length)
  await ada.join('b')
  await ada.join('c')
  await t.rejects(ada.request({ type: 'join', room: 'd' }), { code: 'too-large' }, 'too many rooms')
  await ada.send('general', '😀😀😀😀😀😀😀😀😀😀')
  for (const raw of ['', 'x', '[]', 'null', '1', '"x"', '{"type":"ping"', '\u0000']) {
    ada.raw(raw)
  }
  ada.raw(Buffer.from('{"type":"ping"}'))
  await ada.request({ type: 'ping' })
  const errors = ada.frames.filter((frame) => frame.type === 'error' && frame.ref === undefined)
  t.equal(errors.length, 9, 'frames that are no object, and a binary one')
  for (const error of errors) t.match(error, { code: 'bad-frame', message: /./ })
  t.match(await anything(ada, { type: 'ping', future: true }), { type: 'pong' }, 'unknown fields are ignored')
})

t.test('nothing but hello works before hello', async (t) => {
  const { ws } = await build(t)
  const client = await connectChat(t, ws, { hello: false })
  for (const type of ['join', 'send', 'leave', 'typing', 'members', 'ping']) {
    await t.rejects(anything(client, { type, room: 'general', text: 'x' }), { code: 'unauthorized' }, type)
  }
  await t.rejects(client.request({ type: 'hello' }), { code: 'unauthorized' })
  for (const name of [' ', 'a\nb', 'x'.repeat(65), 'system', '\u202Eevil', 'a\u200bb']) {
    await t.rejects(client.request({ type: 'hello', name }), { code: 'bad-frame' }, JSON.stringify(name))
  }
  t.match(await client.request({ type: 'hello', name: ' Ada ' }), { type: 'welcome', user: { name: 'Ada' } })
})

t.test('a token says who it is; without a valid one nobody gets in where tokens are asked for', async (t) => {
  const { ws, tokens } = await build(t, { auth: 'jwt' })
  const token = await tokens.sign({ id: 'ada', name: 'Ada' }, 600)
  const ada = await connectChat(t, ws, { token })
  t.match(ada.frames[0], { user: { id: 'ada', name: 'Ada' } })
  const stranger = await connectChat(t, ws, { hello: false })
  await t.rejects(stranger.request({ type: 'hello', name: 'Ada' }), { code: 'unauthorized' })
  const forged = await createTokens(`${secret}!`).sign({ id: 'ada', name: 'Ada' }, 600)
  await t.rejects(stranger.request({ type: 'hello', token: forged }), { code: 'unauthorized' })
  await t.rejects(
    stranger.request({ type: 'hello', token: await tokens.sign({ id: 'ada', name: 'Ada' }, -1) }),
    {
      code: 'unauthorized',
      message: 'the token has expired',
    },
  )
  t.match(
    await stranger.request({ type: 'hello', token: await tokens.sign({ id: 'bob', name: 'Bob' }, 600) }),
    {
      user: { id: 'bob' },
    },
  )
})

t.test('a session ends when its token does', async (t) => {
  const { ws, tokens } = await build(t)
  const ada = await connectChat(t, ws, { token: await tokens.sign({ id: 'ada', name: 'Ada' }, 600) })
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 601_000
  t.match(await ada.closed, { code: 1008, reason: 'the token has expired' })
})

t.test('a direct message reaches all sessions of both users, and nobody else', async (t) => {
  const { ws, tokens } = await build(t)
  const connect = async (id: string) =>
    connectChat(t, ws, { token: await tokens.sign({ id, name: id.toUpperCase() }, 600) })
  const [ada, ada2, bob, eve] = await Promise.all([
    connect('ada'),
    connect('ada'),
    connect('bob'),
    connect('eve'),
  ])
  await ada.sendTo('bob', 'psst')
  for (const client of [ada, ada2, bob]) {
    t.match(await client.waitFor((frame) => frame.type === 'message'), {
      room: 'dm:ada:bob',
      from: { id: 'ada' },
      text: 'psst',
    })
  }
  await bob.send('dm:ada:bob', 'what?')
  await ada2.waitFor((frame) => frame.type === 'message' && frame.text === 'what?')
  await eve.request({ type: 'ping' })
  t.strictSame(
    eve.frames.filter(({ type }) => type === 'message'),
    [],
  )
  const joined = await bob.request({ type: 'join', room: 'dm:ada:bob' })
  t.equal(joined.events.length, 2, 'it is read back like a room')
  await ada.sendTo('bob', 'once')
  await bob.waitFor((frame) => frame.type === 'message' && frame.text === 'once')
  await bob.request({ type: 'ping' })
  t.equal(bob.frames.filter((frame) => frame.type === 'message' && frame.text === 'once').length, 1)
  await ada.sendTo('ada', 'note to self')
  t.match(await ada2.waitFor((frame) => frame.type === 'message' && frame.room === 'dm:ada:ada'), {
    text: 'note to self',
  })
})

t.test('typing is told to the other members, at most once a second for each room', async (t) => {
  const { ws } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  const bob = await connectChat(t, ws, { name: 'Bob' })
  await ada.join('general')
  await bob.join('general')
  const began = performance.now()
  for (let i = 0; i < 20; i++) ada.raw(JSON.stringify({ type: 'typing', room: 'general' }))
  t.match(await bob.waitFor((frame) => frame.type === 'typing'), { room: 'general', user: { name: 'Ada' } })
  await ada.request({ type: 'ping' })
  await bob.request({ type: 'ping' })
  const seconds = Math.floor((performance.now() - began) / 1000)
  const told = bob.frames.filter(({ type }) => type === 'typing').length
  t.ok(told <= 1 + seconds, `${told} in ${seconds} seconds`)
  t.equal(ada.frames.filter(({ type }) => type === 'typing').length, 0)
})

t.test('who comes and goes is told in few frames, and a user with two sessions counts once', async (t) => {
  const { ws } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  await ada.waitFor((frame) => frame.type === 'presence')
  const others = await Promise.all(
    Array.from({ length: 100 }, (_, i) => connectChat(t, ws, { name: `user ${i % 50}` })),
  )
  const before = ada.frames.length
  const began = performance.now()
  await Promise.all(others.map((other) => other.join('general')))
  await ada.waitFor((frame) => frame.type === 'presence' && frame.count === 51)
  const told = ada.frames.slice(before).filter(({ type }) => type === 'presence')
  // Two a second, however long it took here, and one at each end.
  const most = 2 + (performance.now() - began) / 450
  t.ok(told.length <= most, `${told.length} frames for 100 joins, at most ${most}`)
  const full = ada.frames.length
  await Promise.all(others.map((other) => other.close()))
  const empty = (frame: ServerFrame) => frame.type === 'presence' && frame.count === 1
  await ada.waitFor(() => ada.frames.slice(full).some(empty))
  t.match(await ada.request({ type: 'members', room: 'general' }), { count: 1 })
})

t.test(
  'who asks for more than the rate gets an error with a time to wait, under the ref of the message',
  async (t) => {
    // So seldom that a slow machine saves up none.
    const { ws } = await build(t, { limits: { messagesPerSecond: 0.01, messageBurst: 5 } })
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general')
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => ada.send('general', `${i}`)),
    )
    const refused = results.filter((result) => result.status === 'rejected')
    t.equal(refused.length, 5)
    for (const { reason } of refused) {
      t.match(reason, { code: 'rate-limited' })
      t.ok(reason.retryAfter > 0 && reason.retryAfter <= 100_000)
    }
  },
)

t.test('a client that floods is cut off with 1008, and others notice nothing', async (t) => {
  const { ws, metric } = await build(t)
  const flooder = await connectChat(t, ws, { name: 'Eve' })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  for (let i = 0; i < 3000; i++) flooder.raw('x')
  t.match(await flooder.closed, { code: 1008, reason: 'too many refused frames' })
  await ada.send('general', 'still here')
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'policy' }), 1)
})

t.test('an oversized frame closes with 1009', async (t) => {
  const { ws, metric } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  ada.raw(JSON.stringify({ type: 'ping', filler: 'x'.repeat(17_000) }))
  t.match(await ada.closed, { code: 1009 })
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'tooLarge' }), 1)
  t.equal(await metric('rabble_gateway_connections'), 0)
})

t.test('a text frame that is not valid UTF-8 closes with 1007', async (t) => {
  const { ws, metric } = await build(t)
  const socket = new WebSocket(ws)
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  socket.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false })
  const [code] = await once(socket, 'close')
  t.equal(code, 1007)
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'notText' }), 1)
})

t.test('who does not say hello in time is closed with 1008', async (t) => {
  const { ws } = await build(t, { helloTimeout: 50, heartbeat: 1000 })
  const client = await connectChat(t, ws, { hello: false })
  t.match(await client.closed, { code: 1008, reason: 'no hello in time' })
})

t.test('a page of another origin is closed with 1008, its own and listed ones are welcome', async (t) => {
  const { ws, http } = await build(t, { allowedOrigins: new Set(['https://chat.example']) })
  const evil = await connectChat(t, ws, { hello: false, origin: 'https://evil.example' })
  t.match(await evil.closed, { code: 1008, reason: 'this origin is not allowed' })
  await connectChat(t, ws, { name: 'Ada', origin: 'https://chat.example' })
  await connectChat(t, ws, { name: 'Bob', origin: http })
})

t.test('a full gateway sends clients elsewhere', async (t) => {
  const { ws, metric } = await build(t, { connections: 2 })
  await connectChat(t, ws, { name: 'Ada' })
  const bob = await connectChat(t, ws, { name: 'Bob' })
  await t.rejects(
    connectChat(t, ws),
    { message: /503/ },
    'before the handshake, so that a proxy can ask another one',
  )
  t.equal(await metric('rabble_gateway_connections_refused_total', { reason: 'full' }), 1)
  await bob.close()
  while ((await metric('rabble_gateway_connections')) > 1) await new Promise(setImmediate)
  await connectChat(t, ws, { name: 'Cleo' })
})

t.test('join and what builds on it may be sent in one go', async (t) => {
  const { ws } = await build(t)
  const client = await connectChat(t, ws, { hello: false })
  const replies = await Promise.all([
    client.request({ type: 'hello', name: 'Ada' }),
    client.request({ type: 'join', room: 'general' }),
    client.request({ type: 'send', room: 'general', text: 'hi' }),
    client.request({ type: 'leave', room: 'general' }),
  ])
  t.strictSame(
    replies.map(({ type }) => type),
    ['welcome', 'joined', 'sent', 'left'],
  )
})

t.test('a silent connection is dropped after two heartbeats, one that answers pings stays', async (t) => {
  const { ws, metric } = await build(t, { heartbeat: 4_000 })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  const ghost = await connectChat(t, ws, { name: 'Ghost' })
  ghost.pause()
  while ((await metric('rabble_gateway_connections')) > 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'silent' }), 1)
  t.match(await ada.request({ type: 'ping' }), { type: 'pong' })
})

t.test('when the gateway stops, clients are told with 1001', async (t) => {
  const { ws, close } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await close()
  t.match(await ada.closed, { code: 1001 })
})

function nested(depth: number): object {
  return depth === 1 ? {} : { a: nested(depth - 1) }
}

/** A request that the types would not allow. */
function anything(client: ChatClient, frame: object): Promise<ServerFrame> {
  return client.request(frame as never)
}
