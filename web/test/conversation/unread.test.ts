import type { Message } from '@rabble/client'
import t from 'tap'
import { badge, countUnread, type Mark, sum } from '../../src/conversation/unread.ts'

const by = { by: { id: 'bob', name: 'Bob' }, at: '2026-11-22T10:00:00.000Z' }

/** Returns messages m1, m2 and so on, by these users. */
function room(...from: string[]): Message[] {
  return from.map((id, index) => ({
    type: 'message',
    room: 'general',
    id: `m${index + 1}`,
    from: { id, name: id },
    text: 'hi',
    at: by.at,
    via: 'g',
  }))
}

/** Returns the badge of Ada's unread messages. */
function unread(messages: Message[], mark: Mark, hasOlder = true): string {
  return badge(countUnread({ messages, hasOlder }, mark, 'ada'))
}

t.test('what others said behind the mark is unread', async (t) => {
  const messages = room('bob', 'ada', 'bob', 'cleo', 'ada', 'bob')
  t.equal(unread(messages, { id: 'm2', read: true }), '3')
  t.equal(unread(messages, { id: 'm6', read: true }), '0')
  t.equal(unread(messages, { id: 'm3', read: false }), '3', 'the mark may be the first unread one')
  t.equal(unread([], { id: '', read: true }, false), '0')
})

t.test('nobody needs to read what was deleted', async (t) => {
  const messages = room('bob', 'bob').map((message) => ({ ...message, deleted: by }))
  t.equal(unread(messages, { id: '', read: true }, false), '0')
})

t.test('of a mark that is not there, all that is there is unread, and there may be more', async (t) => {
  t.equal(unread(room('bob', 'bob', 'ada'), { id: 'm0', read: true }), '2+')
  t.equal(unread(room('bob', 'bob', 'ada'), { id: '', read: true }, false), '2', 'that is the whole room')
})

t.test('only so many are counted as anybody wants to know', async (t) => {
  const many = room(...Array.from({ length: 300 }, () => 'bob'))
  t.equal(unread(many, { id: 'm0', read: true }), '99+')
  t.equal(unread(many, { id: 'm200', read: true }), '99+')
  t.equal(unread(many, { id: 'm201', read: true }), '99')
  t.equal(badge(sum([])), '0')
  t.equal(
    badge(
      sum([
        { count: 2, more: false },
        { count: 3, more: true },
      ]),
    ),
    '5+',
  )
  t.equal(
    badge(
      sum([
        { count: 60, more: false },
        { count: 60, more: false },
      ]),
    ),
    '99+',
  )
})
