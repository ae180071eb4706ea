import type { Message } from '@rabble/client'
import t from 'tap'
import { isNews, textOf } from '../../src/notifications/news.ts'

function message(from: string, mentions?: string[]): Message {
  return {
    type: 'message',
    room: 'r',
    id: 'm',
    from: { id: from, name: from },
    text: 'hello',
    at: '2026-11-22T10:00:00.000Z',
    via: 'g',
    ...(mentions && { mentions }),
  }
}

const room = { unread: 2, mentions: 0, muted: false, count: 5 }
const direct = { ...room, peer: 'bob', lastMessage: message('bob') }

t.test('the user is notified of each direct message of the other user', async (t) => {
  t.ok(isNews(undefined, direct, 'ada'), 'the first one')
  t.ok(isNews({ ...direct, count: 4 }, direct, 'ada'))
  t.notOk(isNews(direct, { ...direct, unread: 1 }, 'ada'), 'read up to a message')
  t.notOk(isNews({ ...direct, count: 4 }, { ...direct, unread: 0 }, 'ada'), 'read on another device')
  t.notOk(isNews({ ...direct, count: 4 }, { ...direct, lastMessage: message('ada') }, 'ada'), 'their own')
  t.notOk(isNews({ ...direct, count: 4 }, { ...direct, muted: true }, 'ada'))
})

t.test('in a room the user is notified of mentions only', async (t) => {
  t.notOk(isNews({ ...room, count: 4 }, room, 'ada'))
  t.ok(isNews(room, { ...room, mentions: 1 }, 'ada'))
  t.notOk(isNews({ ...room, mentions: 2 }, { ...room, mentions: 1 }, 'ada'), 'one was read')
  t.notOk(isNews(room, { ...room, mentions: 1, muted: true }, 'ada'))
})

t.test('a notification has the text of the newest message only if it is about that', async (t) => {
  t.equal(textOf(direct, 'ada'), 'hello')
  t.equal(textOf({ ...room, lastMessage: message('bob', ['ada']) }, 'ada'), 'hello')
  t.equal(textOf({ ...room, lastMessage: message('bob', ['@room']) }, 'ada'), 'hello')
  t.equal(textOf({ ...room, lastMessage: message('bob', ['cleo']) }, 'ada'), undefined)
  t.equal(textOf(room, 'ada'), undefined)
})
