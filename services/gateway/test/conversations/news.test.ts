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
