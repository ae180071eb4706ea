import t from 'tap'
import { errorCodes } from '../src/index.ts'
import {
  FrameError,
  isChatEvent,
  knownSignal,
  parseClientFrame,
  parseLogEvent,
  parseWorkerRequest,
} from '../src/parse.ts'

/** Returns the error of parsing the frame, or undefined. */
function refusal(frame: unknown): FrameError | undefined {
  try {
    parseClientFrame(typeof frame === 'string' ? frame : JSON.stringify(frame))
    return undefined
  } catch (error) {
    if (error instanceof FrameError) return error
    throw error
  }
}

t.test('every client frame is parsed, with and without what is optional', async (t) => {
  for (const frame of [
    { type: 'hello' },
    { type: 'hello', ref: 1, token: 'x', name: 'Ada' },
    { type: 'join', room: 'general' },
    { type: 'join', ref: 'a', room: 'general', after: 'x', recent: 0 },
    { type: 'leave', room: 'general' },
    { type: 'send', text: '' },
    { type: 'send', ref: -1.5, room: 'general', text: 'hi', cid: '1', replyTo: 'x', meta: { a: [1, null] } },
    { type: 'send', to: 'ada', text: 'hi' },
    { type: 'edit', room: 'general', id: 'x', text: '' },
    { type: 'edit', ref: 1, room: 'general', id: 'x', text: 'hi', cid: '1' },
    { type: 'delete', ref: 1, room: 'general', id: 'x' },
    { type: 'typing', room: 'general' },
    { type: 'members', room: 'general' },
    { type: 'ping' },
  ]) {
    t.same(parseClientFrame(JSON.stringify(frame)), frame)
  }
})

t.test('fields of a later version are left in place', async (t) => {
  const frame = { type: 'join', room: 'general', since: 'yesterday', nested: { deep: true } }
  t.same(parseClientFrame(JSON.stringify(frame)), frame)
})

t.test('what is not one JSON object is refused', async (t) => {
  for (const text of ['', ' ', 'hello', '{', '[]', '[{"type":"ping"}]', 'null', '7', '"ping"', '{}{}']) {
    t.match(refusal(text), { code: 'bad-frame', ref: undefined, message: 'a frame must be one JSON object' })
  }
})

t.test('an unknown type is refused with the list of types, and with the ref', async (t) => {
  const message =
    'type must be one of hello, refresh, join, leave, send, edit, delete, react, typing, signal, members, gateways, conversations, watch, read, mute, receipts, privacy, people, away, ping'
  for (const type of [undefined, null, 7, '', 'welcome', 'toString', '__proto__', 'constructor']) {
    t.match(refusal({ type, ref: 7 }), { code: 'bad-frame', ref: 7, message })
  }
})

t.test('a refusal names the field and the rule', async (t) => {
  const long = 'x'.repeat(9000)
  const rules: [Record<string, unknown>, string][] = [
    [{ type: 'hello', token: '' }, 'hello: token must not have fewer than 1 characters'],
    [{ type: 'hello', token: long }, 'hello: token must not have more than 8192 characters'],
    [{ type: 'hello', name: '' }, 'hello: name must not have fewer than 1 characters'],
    [{ type: 'hello', name: long }, 'hello: name must not have more than 256 characters'],
    [{ type: 'join' }, 'join: must have required properties room'],
    [{ type: 'join', room: 7 }, 'join: room must be string'],
    [{ type: 'join', room: '' }, 'join: room must not have fewer than 1 characters'],
    [{ type: 'join', room: long }, 'join: room must not have more than 140 characters'],
    [{ type: 'join', room: 'a', after: long }, 'join: after must not have more than 64 characters'],
    [{ type: 'join', room: 'a', recent: -1 }, 'join: recent must be >= 0'],
    [{ type: 'join', room: 'a', recent: 1001 }, 'join: recent must be <= 1000'],
    [{ type: 'join', room: 'a', recent: 1.5 }, 'join: recent must be integer'],
    [{ type: 'leave' }, 'leave: must have required properties room'],
    [{ type: 'send', room: 'a' }, 'send: must have required properties text'],
    [{ type: 'send', room: 'a', text: null }, 'send: text must be string'],
    [{ type: 'send', room: '', text: 'x' }, 'send: room must not have fewer than 1 characters'],
    [{ type: 'send', to: long, text: 'x' }, 'send: to must not have more than 64 characters'],
    [{ type: 'send', room: 'a', text: 'x', cid: '' }, 'send: cid must not have fewer than 1 characters'],
    [{ type: 'send', room: 'a', text: 'x', cid: long }, 'send: cid must not have more than 128 characters'],
    [
      { type: 'send', room: 'a', text: 'x', replyTo: '' },
      'send: replyTo must not have fewer than 1 characters',
    ],
    [{ type: 'send', room: 'a', text: 'x', meta: [] }, 'send: meta must be object'],
    [{ type: 'edit', room: 'a', text: 'x' }, 'edit: must have required properties id'],
    [{ type: 'edit', room: 'a', id: '', text: 'x' }, 'edit: id must not have fewer than 1 characters'],
    [{ type: 'edit', room: 'a', id: 'x' }, 'edit: must have required properties text'],
    [
      { type: 'edit', room: 'a', id: 'x', text: 'x', cid: long },
      'edit: cid must not have more than 128 characters',
    ],
    [{ type: 'delete', room: 'a' }, 'delete: must have required properties id'],
    [{ type: 'delete', room: 'a', id: long }, 'delete: id must not have more than 64 characters'],
    [{ type: 'typing' }, 'typing: must have required properties room'],
    [{ type: 'members', room: {} }, 'members: room must be string'],
  ]
  for (const [frame, message] of rules) {
    t.match(refusal({ ...frame, ref: 'r' }), { code: 'bad-frame', ref: 'r', message }, message)
  }
})

t.test(
  'what a client gives a name must be well-formed Unicode, so that no two names become one',
  async (t) => {
    for (const half of ['\ud800', '\udc00', 'a\ud83d', '\ude00\ud83d']) {
      for (const [type, field] of [
        ['join', 'room'],
        ['join', 'after'],
        ['send', 'to'],
        ['send', 'cid'],
        ['send', 'replyTo'],
        ['edit', 'cid'],
        ['delete', 'id'],
      ] as const) {
        const frame = { type, ref: 1, room: 'a', id: 'x', text: 'x', [field]: half }
        t.match(refusal(frame), {
          code: 'bad-frame',
          message: `${type}: ${field} must be well-formed Unicode`,
        })
      }
      t.throws(() => parseWorkerRequest('notify', { text: 'x', cid: half }), { code: 'bad-frame' })
    }
    t.equal(refusal({ type: 'send', room: 'a', text: '\ud800', cid: '😀' }), undefined)
  },
)

t.test('a ref that is none is not sent back', async (t) => {
  for (const ref of [null, true, {}, [], 'x'.repeat(129)]) {
    const error = refusal({ type: 'ping', ref })
    t.match(error, { code: 'bad-frame', ref: undefined })
    t.match(error?.message, /^ping: ref must /)
  }
})

t.test('characters are code points, not UTF-16 units', async (t) => {
  t.equal(refusal({ type: 'join', room: '👍'.repeat(140) }), undefined)
  t.match(refusal({ type: 'join', room: '👍'.repeat(141) }), { code: 'bad-frame' })
})

t.test('a refusal carries the HTTP status of its code', async (t) => {
  t.equal(refusal('')?.statusCode, errorCodes['bad-frame'].status)
})

const line = {
  type: 'message',
  room: 'general',
  id: 'kc7004KC1Eiiwbkwl4NRAN',
  from: { id: 'ada', name: 'Ada' },
  text: 'hi',
  at: '2026-11-22T10:00:00.000Z',
  via: 'gateway-1',
}

t.test('a line of the log is an event, whatever its type', async (t) => {
  t.same(parseLogEvent(JSON.stringify(line)), line)
  t.same(parseLogEvent(Buffer.from(JSON.stringify(line))), line)
  const later = { type: 'poll', room: 'general', id: 'x', emoji: '👍' }
  t.same(parseLogEvent(JSON.stringify(later)), later)
})

t.test('a line without type, room or id is no event', async (t) => {
  for (const text of [
    '',
    'x',
    '[]',
    'null',
    '{}',
    '{"type":"message","room":"a"}',
    '{"type":1,"room":"a","id":"x"}',
  ]) {
    t.equal(parseLogEvent(text), undefined, text)
  }
})

/** Whether a line of the log with these fields is accepted as an event. */
function isTaken(fields: object): boolean {
  return parseLogEvent(JSON.stringify(fields)) !== undefined
}

t.test('a message has everything that a reader relies on', async (t) => {
  t.ok(isTaken({ ...line, editedAt: 'later' }))
  for (const field of ['from', 'text', 'at', 'via'] as const) {
    const { [field]: _, ...rest } = line
    t.notOk(isTaken(rest), `without ${field}`)
  }
  t.notOk(isTaken({ ...line, from: { id: 'ada' } }))
})

t.test('a change has everything that a reader relies on', async (t) => {
  const { text, ...rest } = line
  const deletion = { ...rest, type: 'delete', message: 'x', moderator: true }
  const edit = { ...deletion, type: 'edit', text }
  for (const event of [deletion, edit, { ...edit, cid: '1', added: 'later' }]) t.ok(isTaken(event))
  t.notOk(isTaken({ ...deletion, type: 'edit' }), 'an edit without a text')
  for (const field of ['message', 'from', 'at', 'via'] as const) {
    for (const event of [edit, deletion]) {
      const { [field]: _, ...less } = event
      t.notOk(isTaken(less), `${event.type} without ${field}`)
    }
  }
  for (const odd of [{ message: '' }, { message: 7 }, { moderator: false }, { moderator: 'yes' }]) {
    t.notOk(isTaken({ ...deletion, ...odd }), JSON.stringify(odd))
  }
})

t.test('events for clients are told from others by their type', async (t) => {
  for (const type of ['message', 'edit', 'delete', 'reaction']) t.ok(isChatEvent({ ...line, type }))
  for (const type of ['poll', 'started', 'toString', '__proto__']) t.notOk(isChatEvent({ ...line, type }))
})

t.test('the time of an event is one that every client understands', async (t) => {
  for (const at of ['2026-11-22T10:00:00Z', '2026-11-22T12:00:00.123456+02:00', '0001-01-01T00:00:00.000Z']) {
    t.ok(isTaken({ ...line, at }), at)
  }
  for (const at of [
    'the day before yesterday',
    '2026-13-22T10:00:00.000Z',
    '2026-11-22T25:00:00.000Z',
    'Sun, 22 Nov 2026 10:00:00 GMT',
    '+012026-01-01T00:00:00.000Z',
    `2026-11-22T10:00:00.000Z${' '.repeat(9)}`,
  ]) {
    t.notOk(isTaken({ ...line, at }), at)
  }
})

t.test('the id of an event is well-formed, since clients resume by it', async (t) => {
  t.ok(isTaken({ ...line, id: '😀' }))
  t.notOk(isTaken({ ...line, id: '\ud800' }))
  t.ok(isTaken({ ...line, cid: '\ud800' }), 'earlier versions let clients choose such a cid')
})

t.test('what is nested too deep to be written again, or too long, is no event', async (t) => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  for (const type of ['message', 'of a later version']) {
    const withMeta = (meta: string) =>
      `${JSON.stringify({ ...line, type }).slice(0, -1)},"meta":{"a":${meta}}}`
    t.ok(parseLogEvent(withMeta(nested(62))), 'as deep as it may be')
    for (const levels of [63, 20_000]) t.equal(parseLogEvent(withMeta(nested(levels))), undefined)
  }
  t.ok(isTaken({ ...line, text: 'x'.repeat(1_000_000) }))
  t.notOk(isTaken({ ...line, text: 'x'.repeat(1024 * 1024) }))
})

t.test('of a signal its known fields are left, and one that breaks a rule is told', async (t) => {
  const user = { id: 'ada', name: 'Ada' }
  const signal = { type: 'typing', room: 'general', user }
  t.strictSame(knownSignal({ ...signal, user: { ...user, deep: [[]] }, more: [] }), signal)
  t.equal(knownSignal({ type: 'of a later version' }), undefined)
  t.equal(knownSignal({ type: 'constructor' }), undefined)
  t.throws(() => knownSignal({ ...signal, user: 'ada' }), /typing is malformed/)
})
