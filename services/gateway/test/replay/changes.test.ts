import { isDeepStrictEqual } from 'node:util'
import {
  type ChatEvent,
  changed,
  type MessageEvent,
  type ReactionEvent,
  type TextChange,
} from '@rabble/contract'
import { type ByteString, byteString, bytesOf } from '@rabble/event-log'
import { createRandom } from '@rabble/harness'
import t from 'tap'
import { applyChange, eventRangeOf } from '../../src/replay/event-range.ts'
import { createRoomBuffers, type RoomBuffers } from '../../src/replay/room-buffers.ts'

function message(id: string, from = 'ada', text = `text of ${id}`): MessageEvent {
  return { ...fields(id, from), type: 'message', text }
}

function edit(id: string, message: string, text = `text of ${id}`, from = 'ada'): TextChange {
  return { ...fields(id, from), type: 'edit', message, text, ...moderation(from) }
}

function deletion(id: string, message: string, from = 'ada'): TextChange {
  return { ...fields(id, from), type: 'delete', message, ...moderation(from) }
}

function reaction(id: string, message: string, from: string, emoji: string, revision: number): ReactionEvent {
  const remove = revision % 2 === 0 ? ({ remove: true } as const) : {}
  return { ...fields(id, from), type: 'reaction', message, emoji, ...remove, revision }
}

function moderation(from: string): { moderator?: true } {
  return from === 'mod' ? { moderator: true } : {}
}

function fields(id: string, from: string) {
  const at = '2026-11-22T10:00:00.000Z'
  return { room: 'a', id, from: { id: from, name: from }, at, via: 'gateway-1' }
}

let offset = 0

function add(recent: RoomBuffers, ...events: ChatEvent[]): void {
  for (const event of events) recent.add(event, Buffer.from(JSON.stringify(event)), offset++)
}

function parsed(lines: readonly ByteString[] | undefined): (ChatEvent | undefined)[] | undefined {
  return lines?.map((line) => (line === '' ? undefined : (JSON.parse(bytesOf(line).toString()) as ChatEvent)))
}

const bytes = (json: string) => byteString(Buffer.from(json))

/** All lines that are remembered. */
function all(recent: RoomBuffers): readonly ByteString[] {
  return recent.behind('a', recent.missing('a'))?.lines ?? []
}

/** Returns room buffers that have read the log from its beginning. */
function createWhole(perRoom: number, totalBytes = 1e9): RoomBuffers {
  const recent = createRoomBuffers({ perRoom, totalBytes })
  recent.begin(0, -1)
  return recent
}

/** Returns the messages of a client after some events, in their current versions. */
function play(
  known: ReadonlyMap<string, MessageEvent>,
  events: Iterable<ChatEvent>,
): Map<string, MessageEvent> {
  const messages = new Map(known)
  for (const event of events) {
    const target = event.type === 'message' ? undefined : messages.get(event.message)
    if (event.type === 'message') messages.set(event.id, event)
    else if (target !== undefined) messages.set(event.message, changed(target, event))
  }
  return messages
}

t.test('a message is remembered as it is by now, and of its changes only the newest one', async (t) => {
  const recent = createWhole(100)
  const text = 'grüße 你好 🎉'
  add(recent, message('1'), message('2'), edit('e1', '1', 'first'), edit('e2', '1', text), edit('e3', '2'))
  t.match(parsed(all(recent)), [
    { id: '1', text, edited: { by: { id: 'ada' } } },
    { id: '2', text: 'text of e3' },
    undefined,
    { id: 'e2', text },
    { id: 'e3' },
  ])
  t.match(recent.message('a', '1'), { text })
  t.strictSame(parsed(recent.after('a', 'e1'))?.length, 2, 'who has seen the first edit goes on behind it')
  add(recent, deletion('d', '1'), edit('e4', '1'))
  t.match(parsed(all(recent)), [
    { id: '1', text: '', deleted: { by: { id: 'ada' } } },
    { id: '2' },
    undefined,
    undefined,
    { id: 'e3' },
    { type: 'delete', message: '1' },
    undefined,
  ])
  t.strictSame(parsed(recent.newest('a', 3).lines)?.length, 3, 'what is empty doesn’t count')
  t.match(parsed(recent.newest('a', 3).lines), [{ id: '2' }, { id: 'e3' }, { id: 'd' }])
})

t.test('a change that doesn’t count changes nothing', async (t) => {
  const recent = createWhole(100)
  add(
    recent,
    message('1'),
    edit('e1', '1', 'mine'),
    edit('e2', '1', 'not yours', 'bob'),
    deletion('d', '1', 'bob'),
  )
  t.match(parsed(all(recent)), [{ text: 'mine' }, { id: 'e1' }, undefined, undefined])
  add(recent, edit('e3', 'e1', 'an edit of an edit'), deletion('d2', 'nobody-knows-it'))
  t.match(
    parsed(recent.after('a', 'd')),
    [{ id: 'e3' }, { id: 'd2' }],
    'of what is not known nobody can tell',
  )
})

t.test('of a message that is not remembered, only the newest change is', async (t) => {
  const recent = createWhole(100)
  add(recent, edit('e1', 'old'), edit('e2', 'old'), edit('e3', 'old', 'foreign', 'bob'))
  t.match(parsed(all(recent)), [undefined, { id: 'e2' }, { id: 'e3' }], 'one of two counts: which?')
  add(recent, deletion('d', 'old', 'mod'), edit('e4', 'old'), edit('e5', 'other'))
  t.match(parsed(all(recent)), [undefined, undefined, undefined, { id: 'd' }, undefined, { id: 'e5' }])
  t.match(recent.changes('a'), [{ id: 'd' }, { id: 'e5' }])
  t.match(recent.changes('a', 'old'), [{ id: 'd' }])
})

t.test('the newest reaction tells all reactions to a message, as far as they are known', async (t) => {
  const recent = createWhole(5)
  add(recent, reaction('r0', 'old', 'eve', '👍', 3), message('1'), reaction('r1', '1', 'ada', '👍', 1))
  add(recent, reaction('r2', '1', 'bob', '👍', 1))
  const both = [{ emoji: '👍', count: 2, users: ['ada', 'bob'] }]
  t.match(parsed(all(recent)), [
    { id: 'r0', reactions: undefined },
    { id: '1', reactions: both, reacted: 'r2' },
    undefined,
    { id: 'r2', reactions: both },
  ])
  t.equal(recent.revision('a', '1', 'ada', '👍'), 1)
  t.equal(recent.revision('a', '1', 'ada', '🎉'), 0)
  t.equal(recent.revision('a', 'old', 'eve', '👍'), undefined, 'its earlier reactions are not known')
  add(recent, message('2'), message('3'), message('4'), reaction('r3', '1', 'ada', '👍', 2))
  t.equal(recent.revision('a', '1', 'ada', '👍'), undefined, 'the message has left the memory')
  t.match(parsed(all(recent)), [
    undefined,
    {},
    {},
    {},
    { id: 'r3', reactions: [{ count: 1, users: ['bob'] }] },
  ])
  add(recent, reaction('r4', '4', 'ada', '👍', 1), deletion('d', '4'), reaction('r5', '4', 'bob', '👍', 1))
  t.match(parsed(all(recent)), [{ id: '4', text: '' }, { id: 'r3' }, undefined, { id: 'd' }, undefined])
})

t.test('memory stays bounded when texts grow, and is given back when they go', async (t) => {
  const recent = createWhole(1000, 80_000)
  const long = 'x'.repeat(2000)
  for (let i = 0; i < 100; i++) {
    add(recent, message(`${i}`), edit(`e${i}`, `${i}`, long))
    if (recent.bytes > 80_000) t.fail(`holds ${recent.bytes} bytes`)
  }
  const before = recent.bytes
  add(recent, deletion('d', '99'))
  t.ok(recent.bytes < before - 3500, `${before} bytes before, ${recent.bytes} behind`)
  const other = createWhole(1000, 80_000)
  const lines = all(recent)
  other.restore(
    'a',
    lines.map((_, n) => `${n}`),
    lines,
    offset,
  )
  t.equal(other.bytes, recent.bytes, 'the count is what the lines need')
})

for (const [who, strangers] of [
  ['authors and moderators', false],
  ['authors and strangers who write to the log', true],
] as const) {
  t.test(`whatever ${who} change: a client that resumes anywhere has what it would have live`, async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
    t.comment(`SEED=${seed}`)
    const next = createEvents(createRandom(seed), strangers)
    const pick = createPick(createRandom(seed + 1))
    const recent = createWhole(30)
    const events: ChatEvent[] = []
    /** Messages of a client after the first n events, for each n. */
    const states: ReadonlyMap<string, MessageEvent>[] = [new Map()]
    /** Texts that were replaced or deleted. */
    const gone = new Set<string>()
    const wrong: unknown[] = []
    for (let n = 0; n < 1_000; n++) {
      const event = next(n)
      const before = states.at(-1) ?? new Map<string, MessageEvent>()
      const after = play(before, [event])
      events.push(event)
      states.push(after)
      add(recent, event)
      const target = event.type === 'message' ? undefined : before.get(event.message)
      if (target !== undefined && target.text !== after.get(target.id)?.text) gone.add(target.text)

      const seen = pick(Math.max(1, n - 35), n + 2)
      const lines = recent.after('a', events[seen - 1]?.id ?? '')
      const replayed = parsed(lines ?? [])?.filter((event) => event !== undefined) ?? []
      const kept = replayed.filter((event) => 'text' in event && event.text !== '' && gone.has(event.text))
      const resumed = lines === undefined ? after : play(states[seen] ?? new Map(), replayed)
      const isRight =
        (lines === undefined) === n + 1 - seen >= 30 && isDeepStrictEqual(shown(resumed), shown(after))
      if (!isRight || (kept.length > 0 && !strangers)) wrong.push({ n, seen, replayed, kept })
    }
    t.strictSame(wrong, [])
  })
}

function shown(messages: ReadonlyMap<string, MessageEvent>) {
  return [...messages.values()].map(({ id, text, reactions, reacted }) => ({ id, text, reactions, reacted }))
}

function createPick(random: () => number): (from: number, to: number) => number {
  return (from, to) => from + Math.floor(random() * (to - from))
}

/**
 * Returns random events of a room: messages of two users, changes of them by users who may and users who may not, and reactions, so many
 * to some messages that the lists of users are shortened.
 */
function createEvents(random: () => number, strangers: boolean): (n: number) => ChatEvent {
  const pick = createPick(random)
  const said: MessageEvent[] = []
  const revisions = new Map<string, number>()
  return (n) => {
    // A message that stays popular for long after it has left the memory, or one of the last.
    const liked = random() < 0.8 ? said[Math.floor((said.length - 5) / 40) * 40] : said.at(-pick(1, 4))
    if (liked !== undefined && random() < 0.6) {
      const [from, emoji] = [`user-${pick(0, 90)}`, random() < 0.9 ? '👍' : '🎉']
      const key = `${liked.id} ${from} ${emoji}`
      const revision = (revisions.get(key) ?? 0) + 1
      revisions.set(key, revision)
      return reaction(`r${n}`, liked.id, from, emoji, revision)
    }
    const target = random() < 0.4 ? undefined : said[pick(Math.max(0, said.length - 30), said.length)]
    if (target === undefined) {
      const fresh = message(`m${n}`, pick(0, 2) === 0 ? 'ada' : 'bob', `text ${n}.`)
      said.push(fresh)
      return fresh
    }
    const author = target.from.id
    const stranger = author === 'ada' ? 'bob' : 'ada'
    const by = random() < 0.7 ? author : strangers ? stranger : 'mod'
    return random() < 0.7 ? edit(`e${n}`, target.id, `text ${n}.`, by) : deletion(`d${n}`, target.id, by)
  }
}

t.test(
  'what history has from an earlier version, and this one can not read, is gone once it is changed',
  async (t) => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    const line = bytes(`${JSON.stringify(message('1')).slice(0, -1)},"meta":{"a":${deep}}}`)
    for (const change of [edit('e', '1'), deletion('d', '1')]) {
      const stretch = eventRangeOf(['1', '2'], [line, bytes(JSON.stringify(message('2')))])
      const { grown } = applyChange(stretch, change)
      t.same(stretch.lines, ['', JSON.stringify(message('2'))])
      t.equal(grown, -line.length)
    }
  },
)
