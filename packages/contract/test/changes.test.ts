import t from 'tap'
import {
  afterAll,
  changed,
  type DeleteEvent,
  type EditEvent,
  emojiOf,
  type MessageEvent,
  maxReactors,
  mayChange,
  type ReactionEvent,
} from '../src/index.ts'

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

t.test('a deletion by the author under another name takes the former one away', async (t) => {
  const nobody = { id: 'ada', name: 'Deleted user' }
  t.match(changed(message, { ...deletion, from: nobody }), { from: nobody, deleted: { by: nobody } })
  const byModerator = { ...deletion, from: bob, moderator: true as const }
  t.match(changed(message, byModerator), { from: ada, deleted: { by: bob } })
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

/** Returns a generator of numbers from 0 to 1 (Lehmer). This package can't use that of the harness, which depends on it. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** Returns reactions of users by random, as gateways publish them: each of a user and an emoji adds or removes in turn. */
function randomReactions(random: () => number, count: number): ReactionEvent[] {
  const revisions = new Map<string, number>()
  return Array.from({ length: count }, (_, n) => {
    const id = `user-${Math.floor(random() * 120)}`
    const emoji = ['👍', '👍', '🎉', '😀'][Math.floor(random() * 4)] ?? ''
    const revision = (revisions.get(id + emoji) ?? 0) + 1
    revisions.set(id + emoji, revision)
    const remove = revision % 2 === 0 ? ({ remove: true } as const) : {}
    const common = {
      room: 'general',
      id: `r${n}`,
      message: 'm',
      from: { id, name: id },
      at,
      via: 'gateway-1',
    }
    return { type: 'reaction', ...common, emoji, ...remove, revision }
  })
}

t.test('reactions are counted as sets of users are, however many users there are', async (t) => {
  const seed = Number(process.env.SEED ?? 1 + Math.floor(Math.random() * 2 ** 30))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const events = randomReactions(random, 1_500)
  const sets = new Map<string, Set<string>>()
  const states: MessageEvent[] = [message]
  const wrong: unknown[] = []
  for (const event of events) {
    const users = sets.get(event.emoji) ?? new Set()
    if (event.remove) users.delete(event.from.id)
    else users.add(event.from.id)
    // An emoji that nobody uses any more comes last when it is used again.
    if (users.size === 0) sets.delete(event.emoji)
    else sets.set(event.emoji, users)
    const now = changed(states.at(-1) ?? message, event)
    states.push(now)
    const { reactions = [] } = now
    const isRight =
      JSON.stringify(reactions.map(({ emoji, count }) => [emoji, count])) ===
        JSON.stringify([...sets].map(([emoji, { size }]) => [emoji, size])) &&
      reactions.every(
        ({ emoji, users }) =>
          new Set(users).size === users.length &&
          users.length <= maxReactors &&
          users.every((user) => sets.get(emoji)?.has(user)),
      )
    if (!isRight) wrong.push({ event, now })
  }
  t.same(wrong, [])
  t.ok(states.some(({ reactions }) => reactions?.some(({ count, users }) => count > users.length)))

  // A client has remembered some of the events, and reads the message in any version that has some of these, or none.
  const last = states.at(-1)
  for (let n = 0; n < 100; n++) {
    const first = Math.floor(random() * events.length)
    const read = states[first + Math.floor(random() * (events.length - first))] ?? message
    t.strictSame(afterAll(read, events.slice(first)), last)
  }
})

t.test(
  'a reaction that tells all reactions replaces them, and one that is there already changes nothing',
  async (t) => {
    const [first, second] = randomReactions(createRandom(1), 2) as [ReactionEvent, ReactionEvent]
    const once = changed(message, first)
    t.equal(changed(once, first), once)
    t.equal(changed(once, { ...first, id: 'other' }), once, 'the user is in the list')
    const reactions = [{ emoji: '🎉', count: 70, users: ['bob'] }]
    t.strictSame(changed(once, { ...second, reactions }), { ...message, reactions, reacted: second.id })
    t.strictSame(changed(once, { ...second, reactions: [] }), { ...message, reacted: second.id })
    t.match(changed(once, edit), { text: 'hello', reactions: once.reactions })
    const deleted = changed(once, deletion)
    t.notOk('reactions' in deleted || 'reacted' in deleted)
    t.equal(changed(deleted, second), deleted)
  },
)

t.test('an emoji is one that Unicode recommends, in its form for emoji', async (t) => {
  for (const emoji of ['👍', '👍🏽', '❤️', '👨‍👩‍👧', '🏳️‍🌈', '🇩🇪', '1️⃣']) t.equal(emojiOf(emoji), emoji)
  t.equal(emojiOf('\u2764'), '\u2764\ufe0f')
  for (const text of ['', 'a', '1', '👍👍', '👍 ', ' 👍', ':+1:', '\u200d', '🏽👍', '\ud83d', '<b>👍</b>'])
    t.equal(emojiOf(text), undefined, JSON.stringify(text))
})
