import type { Message } from '@rabble/client'
import t from 'tap'
import { badge, countUnread, mostUnread } from '../src/conversation/unread.ts'

const by = { by: { id: 'bob', name: 'Bob' }, at: '2026-11-22T10:00:00.000Z' }

/** Messages m1, m2 and so on, by these users. */
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

t.test('what others said behind the mark is unread', async (t) => {
  const messages = room('bob', 'ada', 'bob', 'cleo', 'ada', 'bob')
  t.equal(countUnread(messages, { id: 'm2', read: true }, 'ada'), 3)
  t.equal(countUnread(messages, { id: 'm6', read: true }, 'ada'), 0)
  t.equal(countUnread(messages, { id: 'm3', read: false }, 'ada'), 3, 'the mark may be the first unread one')
  t.equal(countUnread([], { id: 'm3', read: true }, 'ada'), 0)
})

t.test('nobody needs to read what was deleted', async (t) => {
  const messages = room('bob', 'bob').map((message) => ({ ...message, deleted: by }))
  t.equal(countUnread(messages, { id: '', read: true }, 'ada'), 0)
})

t.test(
  'of a mark that has gone with the oldest messages, all that is there is unread, up to a bound',
  async (t) => {
    t.equal(countUnread(room('bob', 'bob', 'ada'), { id: 'm0', read: true }, 'ada'), 2)
    const many = room(...Array.from({ length: 300 }, () => 'bob'))
    t.equal(countUnread(many, { id: 'm0', read: true }, 'ada'), mostUnread)
    t.equal(badge(mostUnread), '99+')
    t.equal(badge(mostUnread - 1), '99')
  },
)
