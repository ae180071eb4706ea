import { createManualClock } from '@rabble/clock/manual'
import type { PersonalEvent } from '@rabble/contract'
import type { ConversationStates } from '@rabble/history/client'
import t from 'tap'
import { createConversationNews } from '../../src/conversations/news.ts'
import { createWatchers } from '../../src/conversations/watchers.ts'
import type { Session } from '../../src/sessions/session.ts'

t.test('a conversation that history has not stored yet is not told as one that has ended', async (t) => {
  const clock = createManualClock()
  const told: unknown[] = []
  const session = {
    user: { id: 'ada', name: 'Ada' },
    reply: (frame: object) => void told.push(frame),
  } as unknown as Session
  const watchers = createWatchers()
  watchers.add(session, 'ada')
  const state = { user: 'ada', room: 'general', version: 4 }
  let states: ConversationStates = { through: [4], rooms: [], own: [{ ...state, json: null }] }
  let questions = 0
  const news = createConversationNews({
    history: {
      async conversationStates() {
        questions++
        return states
      },
    },
    hub: { sessionsOf: () => [] },
    watchers,
    memberships: { noted() {} },
    clock,
  })
  const asked = async (count: number) => {
    while (questions < count) await clock.advance(100)
    await clock.advance(0)
  }
  const own = { user: 'ada', room: 'general', at: '2026-11-22T10:00:00.000Z', via: 'gateway-1' }
  const membership = (id: string, member: boolean): PersonalEvent => ({
    type: 'membership',
    id,
    member,
    ...own,
  })

  news.take(membership('m1', true), 0, 5)
  await asked(2)
  t.same(told, [], 'history has not read as far')
  states = { through: [5], rooms: [], own: [{ ...state, version: 5, json: '{"unread":0}' }] }
  await asked(3)
  t.match(told, [{ type: 'conversation', room: 'general', conversation: { unread: 0 }, version: 5 }])
  t.equal(news.waiting, 0)

  news.take(membership('m2', false), 0, 6)
  states = { through: [6], rooms: [], own: [{ ...state, version: 6, json: null }] }
  await asked(4)
  t.strictSame(told.slice(1), [{ type: 'conversation', room: 'general', version: 6 }], 'one that has')
  news.close()
})

t.test('after a question that history can’t answer, a smaller one follows', async (t) => {
  const clock = createManualClock()
  const told: string[] = []
  const session = {
    user: { id: 'ada', name: 'Ada' },
    reply: ({ room }: { room: string }) => void told.push(room),
  } as unknown as Session
  const watchers = createWatchers()
  watchers.add(session, 'ada')
  const sizes: number[] = []
  const news = createConversationNews({
    history: {
      async conversationStates({ own }) {
        sizes.push(own.length)
        if (own.length > 300) throw new Error('history answered 413')
        return { through: [5], rooms: [], own: own.map((one) => ({ ...one, version: 5, json: '{}' })) }
      },
    },
    hub: { sessionsOf: () => [] },
    watchers,
    memberships: { noted() {} },
    clock,
  })
  const rooms = Array.from({ length: 800 }, (_, n) => `room ${n}`)
  const event = { user: 'ada', at: '2026-11-22T10:00:00.000Z', via: 'gateway-1', member: true } as const
  for (const room of rooms) news.take({ type: 'membership', id: room, room, ...event }, 0, 5)
  while (news.waiting > 0 && sizes.length < 20) await clock.advance(1_000)
  t.same(sizes, [800, 500, 250, 500, 250, 300])
  t.same(new Set(told), new Set(rooms))
  news.close()
})
