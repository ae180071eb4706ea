import { until } from '@rabble/harness'
import t from 'tap'
import type { RoomEvent } from '../src/index.ts'
import { enter, idsIn, watch } from './build.ts'
import { type Answer, joined, lose, message } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

const seen = (events: readonly RoomEvent[]) =>
  events.map((event) => ('message' in event && event.type === 'message' ? event.message.id : event.type))

/** Answers joins of a room with m1 as incomplete, except a join that resumes after the message `after`. */
function incompleteUntil(after: string | undefined, ...ids: string[]): Answer {
  return (frame) => {
    if (frame.type !== 'join') return undefined
    if (frame.after === undefined) return joined(frame, { events: [message('general', 'm1')] })
    return joined(frame, {
      complete: frame.after === after,
      events: ids.map((id) => message('general', id)),
    })
  }
}

t.test('what was missed is replayed, from where the room was left', async (t) => {
  const { room, events, chat, gateway } = await openRoom(t, (frame) => {
    if (frame.type !== 'join') return undefined
    const ids = frame.after === undefined ? ['m1'] : ['m2', 'm3']
    return joined(frame, { events: ids.map((id) => message('general', id)) })
  })
  await room.join()
  await lose(gateway, chat)
  await until(() => idsIn(events).length === 3, 30_000, 'what was missed')
  t.match(gateway.frames('join')[1], { after: 'm1' })
  t.same(seen(events), ['joined', 'm1', 'joined', 'm2', 'm3'])
})

t.test(
  'more than a gateway replays is read from history, in order, with what comes meanwhile behind it',
  async (t) => {
    const { room, events, chat, gateway, asked } = await openRoom(
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
    await lose(gateway, chat)
    await until(() => room.status === 'joined' && idsIn(events).length === 6, 30_000, 'what was missed')
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
  const answers = [400, 503, { messages: ['m2'] }]
  const { room, events, chat, gateway, clock, asked } = await openRoom(
    t,
    incompleteUntil('m2'),
    () => answers.shift() ?? 404,
  )
  await room.join()
  await lose(gateway, chat)
  await until(() => asked.length === 1, 30_000, 'the question')
  await clock.advance(199)
  t.equal(asked.length, 1, 'not at once')
  // The first wait is 200 to 700 ms, the second 200 to 1,200 ms.
  await clock.advance(1_900)
  await until(() => room.status === 'joined', 30_000, 'what was missed')
  t.same(idsIn(events), ['m1', 'm2'])
  t.same(answers, [])
})

t.test('a history that stays away is waited for half a minute, then a gap says so', async (t) => {
  const { room, events, chat, gateway, clock, asked } = await openRoom(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      const [id, complete] = gateway?.connections.length === 1 ? ['m1', true] : ['m9', false]
      return joined(frame, { complete, events: [message('general', id)] })
    },
    () => 503,
  )
  await room.join()
  await lose(gateway, chat)
  await until(() => asked.length === 1, 30_000, 'the question')
  await clock.advance(29_999)
  t.same(idsIn(events), ['m1'])
  t.equal(gateway.frames('join').length, 2, 'it is still waited for')
  // The last wait is shorter than 10.2 s, and the request after it has 15 s.
  await clock.advance(15_000)
  await until(() => room.status === 'joined', 30_000, 'the room')
  t.match(events.slice(3), [
    { type: 'gap', after: 'm1', before: 'm9', reason: 'unknown' },
    { type: 'message' },
  ])
})

t.test('where nothing more can be done, a gap says so', async (t) => {
  const { room, events, chat, gateway } = await openRoom(t, (frame) => {
    if (frame.type !== 'join') return undefined
    const [id, complete] = gateway?.connections.length === 1 ? ['m1', true] : ['m9', false]
    return joined(frame, { complete, events: [message('general', id)] })
  })
  await room.join()
  await lose(gateway, chat)
  await until(() => idsIn(events).includes('m9'), 30_000, 'the newest')
  t.match(events.slice(3), [
    { type: 'gap', after: 'm1', before: 'm9', reason: 'unknown' },
    { type: 'message' },
  ])
  t.same(
    room.messages.map(({ id }) => id),
    ['m9'],
    'there is no hole in the messages',
  )
  gateway.connections[1]?.send(message('general', 'm10'))
  await until(() => idsIn(events).includes('m10'), 30_000, 'what follows')
})

t.test('a history that knows nothing more of what is missing is asked three times', async (t) => {
  const { room, events, chat, gateway, clock, asked } = await openRoom(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      const [id, complete] = gateway?.connections.length === 1 ? ['m1', true] : ['m9', false]
      return joined(frame, { complete, events: [message('general', id)] })
    },
    () => ({ messages: [] }),
  )
  await room.join()
  await lose(gateway, chat)
  for (const times of [1, 2]) {
    await until(() => asked.length >= times, 30_000, 'the question')
    // The wait is 0.5 s, plus less than 2 s.
    await clock.advance(2_500)
  }
  await until(() => room.status === 'joined', 30_000, 'the room')
  t.equal(asked.length, 3)
  t.same(seen(events).slice(3), ['gap', 'm9'])
})

t.test('nobody reads on for ever: after too many comes a gap', async (t) => {
  let page = 0
  const { room, events, chat, gateway } = await openRoom(
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
  await lose(gateway, chat)
  await until(() => idsIn(events).includes('last'), 30_000, 'the newest')
  t.equal(idsIn(events).length, 1 + 1_500 + 1)
  t.match(events.at(-2), { type: 'gap', before: 'last', reason: 'too-many' })
  t.ok(room.messages.length <= 200)
})

t.test('no more is asked for than may be read', async (t) => {
  let last = 0
  const { room, events, chat, gateway, asked } = await openRoom(
    t,
    (frame) => {
      if (frame.type !== 'join') return undefined
      const [id, complete] = gateway?.connections.length === 1 ? ['m1', true] : ['last', false]
      return joined(frame, { complete, events: [message('general', id)] })
    },
    (query) => {
      const ids = Array.from({ length: Number(query.get('limit')) }, () => `h${++last}`)
      return { messages: ids, more: true }
    },
    { catchUp: 700 },
  )
  await room.join()
  await lose(gateway, chat)
  await until(() => idsIn(events).includes('last'), 30_000, 'the newest')
  t.same(
    asked.map((question) => /limit=(\d+)/.exec(question)?.[1]),
    ['500', '200'],
  )
  t.match(events.at(-2), { type: 'gap', after: 'h700', before: 'last', reason: 'too-many' })
})

t.test('what the log has lost is told where it is missing', async (t) => {
  const { room, events, chat, gateway } = await openRoom(t, incompleteUntil('m3'), () => ({
    messages: ['m2', 'm3'],
    gaps: [{ before: 'm3', noticedAt: '' }],
  }))
  await room.join()
  await lose(gateway, chat)
  await until(() => room.status === 'joined' && idsIn(events).includes('m3'), 30_000, 'the rest')
  t.same(seen(events), ['joined', 'm1', 'joined', 'm2', 'gap', 'm3'])
  t.match(events[4], { after: 'm2', before: 'm3', reason: 'lost' })
})

t.test('a room that was empty misses nothing either', async (t) => {
  const { room, events, chat, gateway } = await openRoom(
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
  await lose(gateway, chat)
  await until(() => room.status === 'joined' && idsIn(events).length === 2, 30_000, 'what was missed')
  t.same(seen(events), ['joined', 'joined', 'm1', 'm2'])
})

t.test('with recent: 0 nothing old is told, and nothing is missed later', async (t) => {
  const { chat, gateway } = await openRoom(t, (frame) => {
    if (frame.type !== 'join') return undefined
    return joined(frame, { events: [message(frame.room, frame.after === undefined ? 'old' : 'new')] })
  })
  const room = enter(chat, 'other', { recent: 0 })
  const events = watch(room)
  await room.join()
  await lose(gateway, chat)
  await until(() => idsIn(events).length > 0, 30_000, 'what was missed')
  t.same(idsIn(events), ['new'])
  t.ok(gateway.frames('join').some(({ room, after }) => room === 'other' && after === 'old'))
})

t.test('what is loaded while the room is caught up with stands where it belongs', async (t) => {
  let isDown = true
  const { room, events, chat, gateway, clock, asked } = await openRoom(
    t,
    incompleteUntil('m3', 'm4'),
    (query) => {
      if (!query.has('after')) return { messages: query.has('before') ? [] : ['m3', 'm4'] }
      return isDown ? 503 : { messages: ['m2', 'm3'] }
    },
  )
  await room.join()
  await lose(gateway, chat)
  await until(() => asked.length > 0, 30_000, 'the catching up')
  const loaded = room.loadOlder()
  await clock.advance(1_900)
  t.ok(asked.length > 2, 'both waits are over')
  t.same(room.messages, [])
  isDown = false
  await clock.advance(10_000)
  await loaded
  await until(() => idsIn(events).includes('m4'), 30_000, 'the newest')
  t.same(
    room.messages.map(({ id }) => id),
    ['m2', 'm3', 'm4'],
  )
})
