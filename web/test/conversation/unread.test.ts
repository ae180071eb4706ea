import type { Message } from '@rabble/client'
import t from 'tap'
import { badge, firstAfter } from '../../src/conversation/unread.ts'

const messages = ['m1', 'm2', 'm3'].map(
  (id): Message => ({
    type: 'message',
    room: 'general',
    id,
    from: { id: 'bob', name: 'Bob' },
    text: 'hi',
    at: '2026-11-22T10:00:00.000Z',
    via: 'g',
  }),
)

/** Returns the id of the first unread message. */
function first(readUpTo: string | undefined, hasOlder: boolean, loaded = messages): string | undefined {
  return firstAfter({ messages: loaded, hasOlder }, readUpTo)?.id
}

t.test('the first unread message is the one after the read position', async (t) => {
  t.equal(first('m1', true), 'm2')
  t.equal(first('m3', true), undefined, 'all is read')
  t.equal(first('m3', false, []), undefined)
})

t.test('it is not known while the read position is not loaded', async (t) => {
  t.equal(first('m0', true), undefined)
  t.equal(first(undefined, true), undefined, 'nothing was read, but there are older messages')
})

t.test('of a whole room without the read position, all is unread', async (t) => {
  t.equal(first('m0', false), 'm1')
  t.equal(first(undefined, false), 'm1')
})

t.test('a badge counts up to 99', async (t) => {
  t.equal(badge(99), '99')
  t.equal(badge(100), '99+')
})
