import { type TestContext, until } from '@rabble/harness'
import t from 'tap'
import type { RoomEvent } from '../src/index.ts'
import { chatWith, idsIn, watch } from './build.ts'
import { type Answer, joined, message, refusal, startFakeGateway } from './fake-gateway.ts'

/** What history answers, by the query. */
type Pages = (query: URLSearchParams) => { messages: string[]; more?: boolean; gaps?: object[] } | number

/** A gateway whose rooms are given by `answer`, and a history given by `pages`. */
async function setUp(t: TestContext, answer: Answer, pages: Pages = () => 404) {
  const gateway = await startFakeGateway(t, answer)
  const asked: string[] = []
  const chat = chatWith(t, {
    url: gateway.url,
    name: 'Ada',
    catchUp: 1_500,
    fetch: async (url) => {
      const { pathname, searchParams } = new URL(url)
      asked.push(`${pathname}?${searchParams}`)
      const page = pages(searchParams)
      if (typeof page === 'number') {
        const code = page === 404 ? 'not-found' : page === 400 ? 'bad-frame' : 'unavailable'
        return { ok: false, status: page, json: async () => ({ code, message: 'no' }) }
      }
      const { messages, more = false, gaps } = page
      return {
        ok: true,
        status: 200,
        json: async () => ({
          messages: messages.map((id) => message('general', id)),
          hasMore: more,
          hasMoreBefore: more,
          hasMoreAfter: more,
          ...(gaps && { gaps }),
        }),
      }
    },
  })
  const room = chat.room('general')
  const events = watch(room)
  return { gateway, chat, room, events, asked }
}

const seen = (events: readonly RoomEvent[]) =>
  events.map((event) => ('message' in event && event.type === 'message' ? event.message.id : event.type))

t.test('the room is the same object for the same name, until it is left', async (t) => {
  const { chat, room, gateway } = await setUp(t, () => undefined)
  t.equal(chat.room('general'), room)
  t.same(room.state, { is: 'joining' })
  await room.join()
  t.same(room.state, { is: 'in' })
  const reader = room[Symbol.asyncIterator]()
  await room.leave()
  t.match(room.state, { is: 'out', code: 'left' })
  t.ok((await reader.next()).done)
  await t.rejects(room.join(), { code: 'left' })
  t.not(chat.room('general'), room)
  await until(() => gateway.frames('join').length === 2, 30_000, 'the other one')
})

t.test('a room that can’t be entered now is tried again, and says why meanwhile', async (t) => {
  let full = true
  const { room, events } = await setUp(t, (frame) =>
    frame.type === 'join' && full ? refusal(frame, 'room-full', { retryAfter: 20 }) : undefined,
  )
  await until(() => room.state.is === 'joining' && room.state.code === 'room-full', 30_000, 'the refusal')
  full = false
  await room.join()
  t.match(events, [{ type: 'left', code: 'room-full', retry: true }, { type: 'joined' }])
})

t.test('a room that may not be entered is left alone until somebody asks', async (t) => {
  let banned = true
  const { room, events, gateway } = await setUp(t, (frame) =>
    frame.type === 'join' && banned ? refusal(frame, 'forbidden') : undefined,
  )
  await t.rejects(room.join(), { code: 'forbidden' })
  t.match(room.state, { is: 'out', code: 'forbidden', why: 'this is forbidden' })
  await t.rejects(room.send('hello'), { code: 'forbidden' })
  banned = false
  await room.join()
  t.match(events, [{ type: 'left', code: 'forbidden', retry: false }, { type: 'joined' }])
  gateway.connections[0]?.send({
    type: 'left',
    room: 'general',
    code: 'forbidden',
    message: 'you are banned',
  })
  await until(() => room.state.is === 'out', 30_000, 'the kick')
  t.match(events[2], { type: 'left', code: 'forbidden', message: 'you are banned', retry: false })
})

t.test('who has lost the seat gets it back by itself', async (t) => {
  const { room, gateway } = await setUp(t, () => undefined)
  await room.join()
  gateway.connections[0]?.send({ type: 'left', room: 'general', code: 'room-full', message: 'no seat' })
  await until(() => gateway.frames('join').length === 2 && room.state.is === 'in', 30_000, 'the seat')
})

t.test('a session that was just lost and holds the only seat is waited for', async (t) => {
  let held = 2
  const { room, gateway } = await setUp(t, (frame) =>
    frame.type === 'join' && gateway?.connections.length === 2 && held-- > 0
      ? refusal(frame, 'already-joined', { retryAfter: 10 })
      : undefined,
  )
  await room.join()
  gateway.connections[0]?.close()
  await until(() => held < 0 && room.state.is === 'in', 30_000, 'the seat')
})

t.test('an event that comes twice is told once', async (t) => {
  const { room, events, gateway } = await setUp(t, () => undefined)
  await room.join()
  for (const id of ['m1', 'm2', 'm1', 'm2', 'm3']) gateway.connections[0]?.send(message('general', id))
  await until(() => idsIn(events).includes('m3'), 30_000, 'the last one')
  t.same(idsIn(events), ['m1', 'm2', 'm3'])
})

t.test('edits and deletions are told, and make the messages what they are by now', async (t) => {
  const { room, events, gateway } = await setUp(t, () => undefined)
  await room.join()
  const { from, at, via } = message('general', '')
  const change = { room: 'general', from, at, via }
  const [connection] = gateway.connections
  for (const id of ['m1', 'm2']) connection?.send(message('general', id))
  connection?.send({ type: 'edit', id: 'e1', message: 'm1', text: 'better', ...change })
  connection?.send({ type: 'delete', id: 'd1', message: 'm2', ...change })
  connection?.send({ type: 'edit', id: 'e2', message: 'm2', text: 'alive?', ...change })
  await until(() => idsIn(events).includes('e2'), 30_000, 'the last one')
  t.match(events.slice(3), [
    { type: 'edit', change: { id: 'e1' }, message: { id: 'm1', text: 'better' }, replayed: false },
    { type: 'delete', change: { id: 'd1' }, message: { id: 'm2', text: '', deleted: { by: from } } },
    { type: 'edit', change: { id: 'e2' }, message: { text: '' } },
  ])
  t.match(room.messages, [
    { text: 'better', edited: { by: from } },
    { text: '', deleted: Object },
  ])
})

t.test('what was missed is replayed, from where the room was left', async (t) => {
  const { room, events, gateway } = await setUp(t, (frame) => {
    if (frame.type !== 'join') return undefined
    const ids = frame.after === undefined ? ['m1'] : ['m2', 'm3']
    return joined(frame, { events: ids.map((id) => message('general', id)) })
  })
  await room.join()
  gateway.connections[0]?.close()
  await until(() => idsIn(events).length === 3, 30_000, 'what was missed')
  t.match(gateway.frames('join')[1], { after: 'm1' })
  t.same(seen(events), ['joined', 'm1', 'joined', 'm2', 'm3'])
})

t.test(
  'more than a gateway replays is read from history, in order, with what comes meanwhile behind it',
  async (t) => {
    const { room, events, gateway, asked } = await setUp(
      t,
      (frame, connection) => {
        if (frame.type !== 'join') return undefined
        if (frame.after === undefined) return joined(frame, { events: [message('general', 'm1')] })
        if (frame.after === 'm4')
          return joined(frame, { events: ['m5', 'm6'].map((id) => message('general', id)) })
        setImmediate(() => connection.send(message('general', 'm6')))
        return joined(frame, { complete: false, events: [message('general', 'm5')] })
      },
      (query) =>
        query.get('after') === 'm1' ? { messages: ['m2', 'm3'], more: true } : { messages: ['m4'] },
    )
    await room.join()
    gateway.connections[0]?.close()
    await until(() => room.state.is === 'in' && idsIn(events).length === 6, 30_000, 'what was missed')
    t.same(seen(events), ['joined', 'm1', 'joined', 'm2', 'm3', 'm4', 'm5', 'm6'])
    t.match(events[2], { complete: false })
    t.same(
      asked,
      ['m1', 'm3'].map((after) => `/api/rooms/general/messages?after=${after}&limit=500`),
    )
    t.same(
      room.messages.map(({ id }) => id),
      ['m2', 'm3', 'm4', 'm5', 'm6'],
      'older ones may have changed meanwhile',
    )
    t.ok(room.hasOlder)
  },
)

t.test('a history that is behind is asked again', async (t) => {
  let behind = 2
  const { room, events, gateway } = await setUp(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      if (frame.after === undefined) return joined(frame, { events: [message('general', 'm1')] })
      return joined(frame, { complete: frame.after === 'm2' })
    },
    () => (behind-- > 0 ? (behind === 1 ? 400 : 503) : { messages: ['m2'] }),
  )
  await room.join()
  gateway.connections[0]?.close()
  await until(() => room.state.is === 'in' && behind < 0, 30_000, 'what was missed')
  t.same(idsIn(events), ['m1', 'm2'])
})

t.test('where nothing more can be done, a gap says so', async (t) => {
  const { room, events, gateway } = await setUp(t, (frame) => {
    if (frame.type !== 'join') return undefined
    const [id, complete] = gateway?.connections.length === 1 ? ['m1', true] : ['m9', false]
    return joined(frame, { complete, events: [message('general', id)] })
  })
  await room.join()
  gateway.connections[0]?.close()
  await until(() => idsIn(events).includes('m9'), 30_000, 'the newest')
  t.match(events.slice(3), [{ type: 'gap', after: 'm1', before: 'm9', why: 'unknown' }, { type: 'message' }])
  t.same(
    room.messages.map(({ id }) => id),
    ['m9'],
    'there is no hole in the messages',
  )
  gateway.connections[1]?.send(message('general', 'm10'))
  await until(() => idsIn(events).includes('m10'), 30_000, 'what follows')
})

t.test('nobody reads on for ever: after too many comes a gap', async (t) => {
  let page = 0
  const { room, events, gateway } = await setUp(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      if (frame.after === undefined && page === 0)
        return joined(frame, { events: [message('general', 'm0')] })
      return joined(frame, { complete: false, events: [message('general', 'last')] })
    },
    () => ({ messages: Array.from({ length: 500 }, (_, index) => `m${++page}-${index}`), more: true }),
  )
  await room.join()
  gateway.connections[0]?.close()
  await until(() => idsIn(events).includes('last'), 30_000, 'the newest')
  t.equal(idsIn(events).length, 1 + 1_500 + 1)
  t.match(events.at(-2), { type: 'gap', before: 'last', why: 'too-many' })
  t.ok(room.messages.length <= 200)
})

t.test('what the log has lost is told where it is missing', async (t) => {
  const { room, events, gateway } = await setUp(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      if (frame.after === undefined) return joined(frame, { events: [message('general', 'm1')] })
      return joined(frame, { complete: frame.after === 'm3' })
    },
    () => ({ messages: ['m2', 'm3'], gaps: [{ before: 'm3', noticedAt: '' }] }),
  )
  await room.join()
  gateway.connections[0]?.close()
  await until(() => room.state.is === 'in' && idsIn(events).includes('m3'), 30_000, 'the rest')
  t.same(seen(events), ['joined', 'm1', 'joined', 'm2', 'gap', 'm3'])
  t.match(events[4], { after: 'm2', before: 'm3', why: 'lost' })
})

t.test('a room that was empty misses nothing either', async (t) => {
  const { room, events, gateway } = await setUp(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      if (gateway?.connections.length === 1 || frame.after === 'm2') return joined(frame)
      return joined(frame, { complete: false, events: [message('general', 'm2')] })
    },
    () => ({ messages: ['m1', 'm2'] }),
  )
  await room.join()
  t.notOk(room.hasOlder)
  gateway.connections[0]?.close()
  await until(() => room.state.is === 'in' && idsIn(events).length === 2, 30_000, 'what was missed')
  t.same(seen(events), ['joined', 'joined', 'm1', 'm2'])
})

t.test('with recent: 0 nothing old is told, and nothing is missed later', async (t) => {
  const { chat, gateway } = await setUp(t, (frame) => {
    if (frame.type !== 'join') return undefined
    return joined(frame, { events: [message(frame.room, frame.after === undefined ? 'old' : 'new')] })
  })
  const room = chat.room('other', { recent: 0 })
  const events = watch(room)
  await room.join()
  gateway.connections[0]?.close()
  await until(() => idsIn(events).length > 0, 30_000, 'what was missed')
  t.same(idsIn(events), ['new'])
  t.ok(gateway.frames('join').some(({ room, after }) => room === 'other' && after === 'old'))
})

t.test(
  'events can be read one by one, and a reader that lags for too long is told what it lost',
  async (t) => {
    const { room, gateway } = await setUp(t, () => undefined)
    const reader = room[Symbol.asyncIterator]()
    t.match((await reader.next()).value, { type: 'joined', complete: true, count: 1 })
    for (let index = 1; index <= 20_001; index++)
      gateway.connections[0]?.send(message('general', `m${index}`))
    await until(() => room.messages.at(-1)?.id === 'm20001', 60_000, 'the last one')
    t.match((await reader.next()).value, { type: 'gap', before: 'm1001', why: 'slow-reader' })
    t.match((await reader.next()).value, { type: 'message', message: { id: 'm1001' } })
    await reader.return?.()
    t.ok((await reader.next()).done)
  },
)

t.test('older messages are loaded from history, and let go of again', async (t) => {
  const { room, events, gateway, asked } = await setUp(
    t,
    () => undefined,
    (query) => (query.get('before') === 'm9' ? { messages: ['m7', 'm8'] } : 400),
  )
  await room.join()
  gateway.connections[0]?.send(message('general', 'm9'))
  await until(() => room.messages.length === 1, 30_000, 'the message')
  const { from, at, via } = message('general', '')
  gateway.connections[0]?.send({
    type: 'edit',
    room: 'general',
    id: 'e1',
    message: 'm8',
    text: 'new',
    from,
    at,
    via,
  })
  await until(() => idsIn(events).includes('e1'), 30_000, 'an edit of what is not there yet')
  const [one, other] = await Promise.all([room.loadOlder(20), room.loadOlder(20)])
  t.same([one, other, asked.length], [2, 2, 1], 'asked for twice at once, it is one page')
  t.match(room.messages, [{ id: 'm7' }, { id: 'm8', text: 'new' }, { id: 'm9' }])
  t.notOk(room.hasOlder)
  room.trim(1)
  t.match(room.messages, [{ id: 'm9' }])
  t.ok(room.hasOlder)
})

t.test(
  'what is loaded before the room is entered is there once, and so is what history knew first',
  async (t) => {
    let live: string[] = []
    const { room, events, gateway } = await setUp(
      t,
      (frame) => {
        if (frame.type !== 'join') return undefined
        return joined(frame, { complete: false, events: ['m2', 'm3'].map((id) => message('general', id)) })
      },
      (query) => (query.has('before') ? { messages: ['m1'] } : { messages: ['m2', 'm3', ...live] }),
    )
    t.equal(await room.loadOlder(), 1)
    const ids = () => room.messages.map(({ id }) => id)
    t.same(ids(), ['m1', 'm2', 'm3'])
    room.trim(0)
    live = ['m4']
    t.equal(await room.loadOlder(), 3)
    for (const id of ['m4', 'm5']) gateway.connections[0]?.send(message('general', id))
    await until(() => idsIn(events).includes('m5'), 30_000, 'the last one')
    t.same(ids(), ['m2', 'm3', 'm4', 'm5'])
    t.same(idsIn(events), ['m2', 'm3', 'm4', 'm5'], 'each is told all the same')
  },
)

t.test('what is loaded while the room is caught up with stands where it belongs', async (t) => {
  let caughtUp = false
  let vain = 0
  const { room, events, gateway } = await setUp(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      if (frame.after === undefined) return joined(frame, { events: [message('general', 'm1')] })
      return joined(frame, { complete: frame.after === 'm3', events: [message('general', 'm4')] })
    },
    (query) => {
      if (!query.has('after')) return { messages: query.has('before') ? [] : ['m3', 'm4'] }
      vain++
      return caughtUp ? { messages: ['m2', 'm3'] } : 503
    },
  )
  await room.join()
  gateway.connections[0]?.close()
  await until(() => vain > 0, 30_000, 'the catching up')
  const loaded = room.loadOlder()
  await until(() => vain > 2, 30_000, 'some time for it')
  caughtUp = true
  await loaded
  await until(() => idsIn(events).includes('m4'), 30_000, 'the newest')
  t.same(
    room.messages.map(({ id }) => id),
    ['m2', 'm3', 'm4'],
  )
})

t.test('typing is told every few seconds, however often it is called', async (t) => {
  let now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  const { room, events, gateway } = await setUp(t, () => undefined)
  room.typing()
  await room.join()
  for (let index = 0; index < 10; index++) room.typing()
  now += 2_999
  room.typing()
  t.same(await room.members(), { users: [], count: 0 })
  t.same(gateway.frames('typing'), [{ type: 'typing', room: 'general' }])
  now += 1
  room.typing()
  await room.members()
  t.equal(gateway.frames('typing').length, 2)
  const user = { id: 'guest-bob', name: 'Bob' }
  gateway.connections[0]?.send({ type: 'typing', room: 'general', user })
  gateway.connections[0]?.send({ type: 'presence', room: 'general', joined: [user], left: [], count: 2 })
  await until(() => room.count === 2, 30_000, 'Bob')
  t.match(events.slice(1), [
    { type: 'typing', user },
    { type: 'presence', joined: [user], left: [], count: 2 },
  ])
})

t.test('direct messages and what the system tells are told wherever they come from', async (t) => {
  const { chat, gateway } = await setUp(t, (frame) =>
    frame.type === 'join' && frame.after === 'd1'
      ? joined(frame, { events: [message(frame.room, 'd2')] })
      : undefined,
  )
  const told: string[] = []
  chat.on('direct', ({ event, peer, replayed }) => told.push(`${event.id} ${peer} ${replayed}`))
  chat.on('notice', ({ message, replayed }) => told.push(`${message.id} ${replayed}`))
  chat.on('announcement', ({ message }) => told.push(message.id))
  await chat.ready
  await until(() => gateway.frames('join').length === 3, 30_000, 'the user’s own rooms')
  const [connection] = gateway.connections
  connection?.send(message('dm:guest-ada:guest-bob', 'd1'))
  connection?.send(message('user:guest-ada', 'n1'))
  connection?.send(message('*', 'a1'))
  await until(() => told.length === 3, 30_000, 'the three')
  connection?.close()
  await until(() => told.length === 4, 30_000, 'what was missed')
  t.same(told, ['d1 guest-bob false', 'n1 false', 'a1', 'd2 guest-bob true'])
  t.same(
    chat.rooms.map(({ name }) => name),
    ['general'],
  )
})

t.test('a listener that throws stops nothing', async (t) => {
  const { room, events, gateway } = await setUp(t, () => undefined)
  const thrown: unknown[] = []
  const handler = (error: unknown) => thrown.push(error)
  const before = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', handler)
  t.teardown(() => {
    process.removeListener('uncaughtException', handler)
    for (const listener of before) process.on('uncaughtException', listener)
  })
  const off = room.on('message', () => {
    throw new Error('a mistake of the page')
  })
  await room.join()
  gateway.connections[0]?.send(message('general', 'm1'))
  await until(() => thrown.length === 1, 30_000, 'the error')
  off()
  gateway.connections[0]?.send(message('general', 'm2'))
  await until(() => idsIn(events).length === 2, 30_000, 'the next message')
  t.match(thrown, [{ message: 'a mistake of the page' }])
})
