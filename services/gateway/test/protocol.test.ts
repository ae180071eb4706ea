import { createManualClock } from '@rabble/clock/manual'
import type { ServerFrame } from '@rabble/contract'
import { type ChatClient, connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'

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
    ['large meta', { type: 'send', room: 'general', text: 'x', meta: { a: '€'.repeat(6000) } }, 'too-large'],
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
    ['a room name that is a part of a path', { type: 'join', room: '..' }, 'bad-frame'],
    ['a room name of which something is invisible', { type: 'join', room: 'general\u3164' }, 'bad-frame'],
    ['a room name that is not NFC', { type: 'join', room: 'cafe\u0301' }, 'bad-frame'],
    ['a user id that is a part of a path', { type: 'send', to: '.', text: 'x' }, 'bad-frame'],
    ['a user id with a space', { type: 'send', to: 'a b', text: 'x' }, 'bad-frame'],
  ]
  const codes: [string, object, string][] = []
  for (const [what, frame] of refused) codes.push([what, frame, await codeOf(anything(ada, frame))])
  t.strictSame(codes, refused)
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
  t.match(
    errors,
    errors.map(() => ({ code: 'bad-frame', message: /./ })),
  )
  t.match(await anything(ada, { type: 'ping', future: true }), { type: 'pong' }, 'unknown fields are ignored')
})

t.test('nothing but hello works before hello', async (t) => {
  const { ws } = await build(t)
  const client = await connectChat(t, ws, { hello: false })
  const codes = (frames: object[]) => Promise.all(frames.map((frame) => codeOf(anything(client, frame))))
  const early = ['join', 'send', 'leave', 'typing', 'members', 'ping'].map((type) => {
    return { type, room: 'general', text: 'x' }
  })
  t.strictSame(
    await codes([...early, { type: 'hello' }]),
    [...early, 'hello'].map(() => 'unauthorized'),
  )
  const names = [' ', 'a\nb', 'x'.repeat(65), 'system', '\u202Eevil', 'a\u200bb']
  t.strictSame(
    await codes(names.map((name) => ({ type: 'hello', name }))),
    names.map(() => 'bad-frame'),
  )
  t.match(await client.request({ type: 'hello', name: ' Ada ' }), { type: 'welcome', user: { name: 'Ada' } })
})

t.test('a direct message to an account that was never here waits until it comes', async (t) => {
  const { ws, tokens } = await build(t)
  const connect = async (id: string) =>
    connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 600) })
  const ada = await connect('ada')
  const { id } = await ada.sendTo('newcomer', 'welcome here')
  const newcomer = await connect('newcomer')
  t.match(await newcomer.join('dm:ada:newcomer'), {
    events: [{ id, from: { id: 'ada' }, text: 'welcome here' }],
  })
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

t.test('typing is told to the other members, at most once a second for each room', async (t) => {
  const clock = createManualClock()
  const { ws } = await build(t, { clock })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  const bob = await connectChat(t, ws, { name: 'Bob' })
  await ada.join('general')
  await bob.join('general')
  const told = async () => {
    for (let i = 0; i < 20; i++) ada.raw(JSON.stringify({ type: 'typing', room: 'general' }))
    await ada.request({ type: 'ping' })
    await bob.request({ type: 'ping' })
    return bob.frames.filter(({ type }) => type === 'typing')
  }
  const typing = { type: 'typing', room: 'general', user: ada.user }
  t.strictSame(await told(), [typing])
  await clock.advance(999)
  t.strictSame(await told(), [typing])
  await clock.advance(1)
  t.strictSame(await told(), [typing, typing])
  t.notOk(ada.frames.some(({ type }) => type === 'typing'))
})

t.test('who comes and goes is told in few frames, and a user with two sessions counts once', async (t) => {
  const clock = createManualClock()
  const { ws } = await build(t, { clock })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  await clock.advance(50)
  await clock.advance(500)
  const others = await Promise.all(
    Array.from({ length: 20 }, (_, i) => connectChat(t, ws, { name: `user ${i % 10}` })),
  )
  const told = async () => {
    await ada.request({ type: 'ping' })
    return ada.frames.flatMap((frame) =>
      frame.type === 'presence' ? [[frame.joined.length, frame.left.length, frame.count]] : [],
    )
  }
  await Promise.all(others.map((other) => other.join('general')))
  await clock.advance(50)
  const came = [
    [1, 0, 1],
    [10, 0, 11],
  ]
  t.strictSame(await told(), came)
  await Promise.all(others.map((other) => other.close()))
  const alone = async () => (await ada.request({ type: 'members', room: 'general' })).count === 1
  await until(alone, 60_000, 'the others to be gone')
  await clock.advance(499)
  t.strictSame(await told(), came)
  await clock.advance(1)
  t.strictSame(await told(), [...came, [0, 10, 1]])
})

t.test(
  'who asks for more than the rate gets an error with a time to wait, under the ref of the message',
  async (t) => {
    const clock = createManualClock()
    const { ws } = await build(t, { clock, limits: { messagesPerSecond: 2, messageBurst: 5 } })
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general')
    const send = (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, i) =>
          ada.send('general', `${i}`).then(
            ({ type }) => type,
            ({ code, retryAfter }) => `${code} ${retryAfter}`,
          ),
        ),
      )
    const wait = 'rate-limited 500'
    t.strictSame(await send(7), ['sent', 'sent', 'sent', 'sent', 'sent', wait, wait])
    await clock.advance(500)
    t.strictSame(await send(2), ['sent', wait])
  },
)

function nested(depth: number): object {
  return depth === 1 ? {} : { a: nested(depth - 1) }
}

/** Sends a request that the types would not allow. */
function anything(client: ChatClient, frame: object): Promise<ServerFrame> {
  return client.request(frame as never)
}

/** Returns the code of the error that answers the request; `none` for another answer. */
function codeOf(reply: Promise<unknown>): Promise<string> {
  return reply.then(
    () => 'none',
    ({ code }) => code,
  )
}
