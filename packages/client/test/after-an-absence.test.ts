import type { Conversation } from '@rabble/contract'
import { until } from '@rabble/harness'
import t from 'tap'
import type { DirectEvent } from '../src/index.ts'
import { enter } from './build.ts'
import { joined, lose, message, nextAttempt, startFakeGateway, welcome } from './fake-gateway.ts'

t.test(
  'a message that goes out again says how long ago it was written; the first time it says nothing',
  async (t) => {
    const stored = new Map<string, string>()
    const storage = {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
      removeItem: (key: string) => void stored.delete(key),
    }
    let answers = false
    const gateway = await startFakeGateway(t, ({ type }) => (type === 'send' && !answers ? null : undefined))
    const chat = gateway.connect({ storage })
    chat
      .room('general')
      .send('hello')
      .catch(() => {})
    await until(() => gateway.frames('send').length === 1, 30_000, 'the message')
    await gateway.clock.advance(40_000)
    await lose(gateway, chat)
    await until(() => gateway.frames('send').length >= 2, 30_000, 'the message again')
    chat.close()
    await gateway.clock.advance(3_600_000)
    answers = true
    const other = gateway.connect({ storage })
    await other.ready
    const { id } = await other.room('general').send('later')
    const [first, ...again] = gateway.frames('send')
    const later = again.pop()
    t.equal(first?.resent, undefined)
    t.ok((again[0]?.resent ?? 0) > 0, `the second time: ${again[0]?.resent}`)
    t.ok((again.at(-1)?.resent ?? 0) >= 3_640_000, `after a reload: ${again.at(-1)?.resent}`)
    t.same(new Set(again.map(({ cid }) => cid)), new Set([first?.cid]))
    t.match(later, { text: 'later', resent: undefined })
    t.ok(id)
  },
)

t.test('a room that was seen empty is resumed from its beginning, and a gap is told', async (t) => {
  let events = [message('general', 'm1'), message('general', 'm2')]
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type !== 'join' || frame.after === undefined) return undefined
    return joined(frame, { events })
  })
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  await room.join()
  await lose(gateway, chat)
  await until(() => room.messages.length === 2, 30_000, 'what was missed')
  t.match(gateway.frames('join'), [{ after: undefined }, { after: '' }])
  events = []
  await lose(gateway, chat)
  await until(() => gateway.frames('join').length === 3, 30_000, 'another join')
  t.match(gateway.frames('join')[2], { after: 'm2' })
})

t.test(
  'what somebody new wrote while there was no connection is told, once the list can be had',
  async (t) => {
    let conversations: Conversation[] = [{ room: 'dm:guest-ada:known', last: 'k1' }]
    let refusals = 2
    const gateway = await startFakeGateway(t, (frame) => {
      if (frame.type === 'conversations') {
        if (gateway.connections.length === 2 && refusals-- > 0) {
          return { type: 'error', ref: frame.ref ?? 0, code: 'unavailable', message: 'not now' }
        }
        return { type: 'conversations', ref: frame.ref ?? 0, conversations }
      }
      if (frame.type !== 'join') return undefined
      return joined(frame, {
        events: frame.after === undefined ? [] : [message(frame.room, `after-${frame.after}`)],
      })
    })
    const chat = gateway.connect()
    const told: DirectEvent[] = []
    const lists: (readonly Conversation[])[] = []
    chat.on('direct', (event) => told.push(event))
    chat.on('conversations', ({ conversations }) => lists.push(conversations))
    await chat.ready
    const pass = (check: () => boolean, what: string) =>
      until(
        async () => {
          await gateway.clock.advance(500)
          return check()
        },
        30_000,
        what,
      )
    await pass(() => lists.length === 1, 'the first list')
    t.same(gateway.frames('join'), [], 'of what there was before nothing is joined')
    conversations = [
      { room: 'dm:guest-ada:stranger', last: 's9' },
      { room: 'dm:guest-ada:known', last: 'k2' },
    ]
    for (const connection of gateway.connections) connection.close()
    await nextAttempt(gateway, chat)
    await pass(() => told.length === 2, 'both')
    t.match(told.map(({ event, peer, replayed }) => [peer, event.id, replayed]).sort(), [
      ['known', 'after-k1', true],
      ['stranger', 'after-', true],
    ])
    t.equal(lists.length, 2)
  },
)

t.test('a new guest is told what was sent to it before it got its first list of conversations', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'hello') return welcome({ isNew: gateway.connections.length === 1 })
    if (frame.type === 'conversations') {
      if (gateway.connections.length === 1) return null
      const conversations = [{ room: 'dm:guest-ada:stranger', last: 's1' }]
      return { type: 'conversations', ref: frame.ref ?? 0, conversations }
    }
    return frame.type === 'join' ? joined(frame, { events: [message(frame.room, 's1')] }) : undefined
  })
  const chat = gateway.connect()
  const told: DirectEvent[] = []
  chat.on('direct', (event) => told.push(event))
  await chat.ready
  for (const connection of gateway.connections) connection.close()
  await nextAttempt(gateway, chat)
  await until(
    async () => {
      await gateway.clock.advance(500)
      return told.length > 0
    },
    30_000,
    'the message',
  )
  t.match(told, [{ peer: 'stranger', event: { id: 's1' }, replayed: true }])
})

t.test('the first list of conversations is requested at once: what comes after it is new', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  chat.on('direct', () => {})
  await chat.ready
  await until(
    () => gateway.frames('conversations').length === 1,
    30_000,
    'the request, while the clock stands',
  )
})
