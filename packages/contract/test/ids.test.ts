import t from 'tap'
import { deleteId, editId, eventId, guestId, noticeId } from '../src/ids.ts'
import { isUserId } from '../src/index.ts'

t.test('the same sender, room and cid give the same id, anything else another', async (t) => {
  const id = eventId('ada', 'general', '1')
  t.match(id, /^[A-Za-z0-9_-]{22}$/)
  t.equal(eventId('ada', 'general', '1'), id)
  for (const other of [
    eventId('bob', 'general', '1'),
    eventId('ada', 'x', '1'),
    eventId('ada', 'general', '2'),
  ]) {
    t.not(other, id)
  }
})

t.test('the id is 128 bits of SHA-256 over sender, room and cid', async (t) => {
  // printf 'ada\0general\0001' | openssl dgst -sha256 -binary | base64 | tr +/ -_ | cut -c1-22
  t.equal(eventId('ada', 'general', '1'), 'UQQtL8GDKLiCuiwxMClwHB')
})

t.test('what separates sender, room and cid is in none of them', async (t) => {
  t.not(eventId('a', 'b', 'c'), eventId('a', 'bc', ''))
  t.not(eventId('ab', 'c', 'd'), eventId('a', 'bc', 'd'))
})

t.test(
  'an edit has an id of its own for each user, message and cid, a deletion one for each message',
  async (t) => {
    const ids = [
      eventId('ada', 'general', '1'),
      editId('ada', 'general', 'm', '1'),
      editId('bob', 'general', 'm', '1'),
      editId('ada', 'other', 'm', '1'),
      editId('ada', 'general', 'n', '1'),
      editId('ada', 'general', 'm', '2'),
      deleteId('general', 'm'),
      deleteId('general', 'n'),
      deleteId('other', 'm'),
    ]
    t.equal(new Set(ids).size, ids.length)
    t.equal(editId('ada', 'general', 'm', '1'), ids[1])
    t.equal(deleteId('general', 'm'), ids[6])
    for (const id of ids) t.match(id, /^[A-Za-z0-9_-]{22}$/)
  },
)

t.test(
  'no message has the id of an edit, a deletion or a notice, whatever its sender is called',
  async (t) => {
    // The parts after the first one may be any text, as a cid may.
    const others = [
      [editId('ada', 'general', 'm', '1'), 'ada', 'general\0m\x001'],
      [deleteId('general', 'm'), 'general', 'm'],
      [noticeId('ada', 'general', '1'), 'general', '1'],
    ] as const
    for (const word of ['edit', 'delete', 'system', 'guest', 'edit.', 'EDIT', 'notice', 'message', 'user']) {
      for (const [id, room, cid] of others) t.not(eventId(word, room, cid), id, word)
    }
    for (const first of ['edit:', 'delete:', 'system:ada']) t.notOk(isUserId(first), 'no user has such an id')
    t.equal(
      eventId('delete', 'general', 'm'),
      'hv0UlXymvDNPXOcdur28r_',
      'ids of messages are what they always were',
    )
  },
)

t.test('a guest who comes back with the same name is the same guest', async (t) => {
  t.equal(guestId('Ada'), guestId('ada'))
  t.equal(guestId('Åda'), guestId('A\u030Ada'))
  t.not(guestId('Ada'), guestId('Adb'))
})
