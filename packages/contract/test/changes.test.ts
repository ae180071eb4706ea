import t from 'tap'
import { changed, type DeleteEvent, type EditEvent, type MessageEvent, mayChange } from '../src/index.ts'

const ada = { id: 'ada', name: 'Ada' }
const bob = { id: 'bob', name: 'Bob' }
const at = '2026-11-22T10:00:00.000Z'
const message: MessageEvent = {
  type: 'message',
  room: 'general',
  id: 'm',
  cid: '1',
  from: ada,
  text: 'hi',
  at,
  via: 'gateway-1',
  replyTo: 'x',
  meta: { mood: 'good' },
}
const edit: EditEvent = {
  type: 'edit',
  room: 'general',
  id: 'e',
  message: 'm',
  from: ada,
  at: '2026-11-22T10:01:00.000Z',
  via: 'gateway-2',
  text: 'hello',
}
const deletion: DeleteEvent = {
  type: 'delete',
  room: 'general',
  id: 'd',
  message: 'm',
  from: ada,
  at: '2026-11-22T10:02:00.000Z',
  via: 'gateway-2',
}

t.test('an edit gives a message its text, and nothing else of it changes', async (t) => {
  t.strictSame(changed(message, edit), { ...message, text: 'hello', edited: { by: ada, at: edit.at } })
  const again = { ...edit, text: 'good morning', at: deletion.at }
  t.match(changed(changed(message, edit), again), { text: 'good morning', edited: { at: deletion.at } })
})

t.test('of a deleted message only its place in the conversation stays', async (t) => {
  const { meta, ...rest } = message
  const extended = { ...changed(message, edit), html: '<p>hi</p>' }
  t.strictSame(changed(extended, deletion), { ...rest, text: '', deleted: { by: ada, at: deletion.at } })
})

t.test('what is deleted stays so', async (t) => {
  const deleted = changed(message, deletion)
  t.equal(changed(deleted, edit), deleted)
  t.equal(changed(deleted, { ...deletion, from: bob, moderator: true }), deleted)
})

t.test('only its author and moderators change a message, and only that one', async (t) => {
  t.ok(mayChange(message, edit))
  t.ok(mayChange(message, { ...edit, from: { id: 'ada', name: 'Ada Lovelace' } }))
  t.ok(mayChange(message, { ...deletion, from: bob, moderator: true }))
  for (const other of [
    { ...edit, from: bob },
    { ...deletion, from: bob },
    { ...edit, room: 'other' },
    { ...edit, message: 'n' },
  ]) {
    t.notOk(mayChange(message, other))
    t.equal(changed(message, other), message)
  }
})
