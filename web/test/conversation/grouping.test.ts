import type { Message } from '@rabble/client'
import t from 'tap'
import { placeOf } from '../../src/conversation/grouping.ts'

const ada = { id: 'ada', name: 'Ada' }

function message(at: Date, more: Partial<Message> = {}): Message {
  return {
    type: 'message',
    room: 'general',
    id: 'm',
    from: ada,
    text: 'hi',
    at: at.toISOString(),
    via: 'g',
    ...more,
  }
}

// In the time zone of this machine, since days are those of the reader.
const noon = new Date(2026, 10, 22, 12, 0)
const soon = new Date(2026, 10, 22, 12, 4)
const later = new Date(2026, 10, 22, 12, 6)

t.test('the first message has a day and a head', async (t) => {
  t.same(placeOf(message(noon), undefined), { day: true, head: true })
})

t.test('what somebody says soon after stands under the same head', async (t) => {
  t.same(placeOf(message(soon), message(noon)), { day: false, head: false })
  t.same(placeOf(message(later), message(noon)), { day: false, head: true })
})

t.test('another sender, another name and an answer have heads of their own', async (t) => {
  for (const more of [
    { from: { id: 'bob', name: 'Ada' } },
    { from: { id: 'ada', name: 'Eda' } },
    { replyTo: 'm' },
  ]) {
    t.same(placeOf(message(soon, more), message(noon)), { day: false, head: true })
  }
})

t.test('each day is announced', async (t) => {
  const before = new Date(2026, 10, 22, 23, 59)
  const after = new Date(2026, 10, 23, 0, 1)
  t.same(placeOf(message(after), message(before)), { day: true, head: true })
})
