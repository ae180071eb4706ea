import t from 'tap'
import {
  directRoom,
  everybody,
  isRoomName,
  isUserId,
  isUserName,
  isVisible,
  pathSegment,
  roomKind,
  systemUser,
  userRoom,
} from '../src/index.ts'

/** Escapes a name for the report, whose format consists of lines. */
function inAscii(text: string): string {
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

t.test('a room name has 1 to 64 letters, digits, dots, underscores, hyphens and inner spaces', async (t) => {
  for (const name of [
    'general',
    'a',
    'x'.repeat(64),
    'Büro 3.OG',
    '日本語',
    'हिन्दी',
    'v1.2_rc-3',
    '_',
    '𝒳'.repeat(64),
  ]) {
    t.ok(isRoomName(name), name)
  }
  for (const name of [
    '',
    ' ',
    ' general',
    'general ',
    'x'.repeat(65),
    '𝒳'.repeat(65),
    'a/b',
    'a:b',
    '#general',
    'a\nb',
    'a\u200bb',
    '👍',
    '*',
    'tab\there',
    '\u202eabc',
  ]) {
    t.notOk(isRoomName(name), inAscii(name))
  }
})

t.test('a room name has one spelling: normalisation form C', async (t) => {
  t.ok(isRoomName('caf\u00e9'))
  t.notOk(isRoomName('cafe\u0301'))
})

t.test('a room name shows all of its characters', async (t) => {
  for (const invisible of [
    '\ufe0f',
    '\u3164',
    '\u034f',
    '\u115f',
    '\u{e0100}',
    '\u180b',
    '\u17b4',
    '\uffa0',
  ]) {
    t.notOk(isRoomName(`general${invisible}`), inAscii(invisible))
    t.notOk(isRoomName(invisible), inAscii(invisible))
  }
})

t.test('what leads elsewhere in a path is the name of nothing', async (t) => {
  for (const name of ['.', '..']) {
    t.notOk(isRoomName(name), name)
    t.notOk(isUserId(name), name)
    t.equal(roomKind(`dm:${name}:ada`), undefined, name)
    t.throws(() => pathSegment(name), RangeError)
  }
  t.throws(() => pathSegment(''), RangeError)
  for (const name of ['...', '.a', 'a..', '..b', 'a/../b', '%2e', 'Büro 3.OG', '#?&', 'dm:a:b']) {
    const { pathname } = new URL(`rooms/${pathSegment(name)}/messages`, 'http://history/internal/')
    t.equal(decodeURIComponent(pathname), `/internal/rooms/${name}/messages`)
  }
})

t.test('a text of blanks, fillers and control characters is not visible', async (t) => {
  for (const blank of [
    '',
    ' ',
    '\n\t',
    '\u00a0',
    '\u200b',
    '\u3164',
    '\u2028',
    '\u2800',
    '\ufeff\u2060',
    '\u{e0020}',
  ])
    t.notOk(isVisible(blank), inAscii(blank))
  for (const text of ['a', ' .', '\u200b👍', '❤️', '\ud800', '\u0301', '\u{10fffd}', '\u0600']) {
    t.ok(isVisible(text), inAscii(text))
  }
})

t.test('a user id has 1 to 64 ASCII letters, digits, dots, underscores and hyphens', async (t) => {
  for (const id of ['ada', 'guest-k7FnROIuEEwiIBtg', 'A.b_c-9', 'x'.repeat(64), 'System'])
    t.ok(isUserId(id), id)
  for (const id of ['', 'x'.repeat(65), 'a:b', 'a b', 'é', 'a/b', 'a\0', 'a\n'])
    t.notOk(isUserId(id), inAscii(id))
})

t.test('nobody but the system has its id or its name', async (t) => {
  t.notOk(isUserId(systemUser.id))
  for (const name of ['System', 'system', 'SYSTEM']) t.notOk(isUserName(name), name)
  t.ok(isUserName('Systems'))
})

t.test('a user name has 1 to 64 visible characters of any script', async (t) => {
  for (const name of [
    'Ada',
    'Ada Lovelace',
    'Zoë',
    '李小龍',
    '👍',
    'x'.repeat(64),
    '<b>bold</b>',
    "O'Neil; drop",
  ]) {
    t.ok(isUserName(name), name)
  }
  for (const name of [
    '',
    ' ',
    ' Ada',
    'Ada ',
    'x'.repeat(65),
    'a\0b',
    'a\nb',
    'a\u200bb',
    '\u202eadA',
    'a\u2028b',
    '\ud800',
    'e\u0301',
    '\ue000',
    '\u3164',
    '\u115f\ufe0f',
  ]) {
    t.notOk(isUserName(name), inAscii(name))
  }
})

t.test('two users have one room of direct messages, whoever writes first', async (t) => {
  t.equal(directRoom('bob', 'ada'), 'dm:ada:bob')
  t.equal(directRoom('ada', 'bob'), 'dm:ada:bob')
  t.equal(directRoom('ada', 'ada'), 'dm:ada:ada')
  // The order is that of code units, not of an alphabet: every gateway must sort alike, whatever its locale.
  t.equal(directRoom('ada', 'Bob'), 'dm:Bob:ada')
})

t.test('the name of a room tells whom it is for', async (t) => {
  t.same(roomKind('general'), { kind: 'room' })
  t.same(roomKind(everybody), { kind: 'everybody' })
  t.same(roomKind(userRoom('ada')), { kind: 'user', user: 'ada' })
  t.same(roomKind(directRoom('bob', 'ada')), { kind: 'direct', users: ['ada', 'bob'] })
  t.same(roomKind('dm:ada:ada'), { kind: 'direct', users: ['ada', 'ada'] })
})

t.test('a name with a colon that is none of the reserved ones is no room', async (t) => {
  for (const name of [
    'dm:bob:ada',
    'dm:ada',
    'dm:ada:',
    'dm::ada',
    'dm:ada:bob:',
    'dm:ada:bob:eve',
    'dm:a a:b',
    'dm:ada:system',
    'DM:ada:bob',
    'user:',
    'user:ada:',
    'user:ada:bob',
    'user:system',
    'started:0',
    ':',
    'a:b',
  ]) {
    t.equal(roomKind(name), undefined, name)
  }
})
