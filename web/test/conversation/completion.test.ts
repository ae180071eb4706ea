import t from 'tap'
import {
  complete,
  type Offer,
  peopleFor,
  typedBefore,
  withGroups,
} from '../../src/conversation/completion.ts'
import { groups, mentionedIn } from '../../src/conversation/mentions.ts'
import { emoji, findEmoji } from '../../src/emoji/emoji.ts'

/** Returns the letters before the caret (`|`) that can be completed, with their sign. */
function typed(text: string): string | undefined {
  const caret = text.indexOf('|')
  const found = typedBefore(text.replace('|', ''), caret)
  return found && `${found.sign}${found.letters}`
}

const [ann, anna, bob] = [
  { id: '1', name: 'Ann' },
  { id: '2', name: 'Anna Lee' },
  { id: '3', name: 'Bob' },
]

t.test('letters behind a sign can be completed, but not in addresses and times', async (t) => {
  for (const [text, found] of [
    ['@a|', '@a'],
    ['hi @ann le|e', '@ann le'],
    ['(@É|', '@É'],
    ['so :ro|', ':ro'],
    ['@Ann :ro|', ':ro'],
  ] as const) {
    t.equal(typed(text), found, text)
  }
  for (const text of [
    '@|',
    'me@example|',
    'at 10:30|',
    'https:|//a',
    ':r|',
    'a:ro|',
    '::ro|',
    '@a\nb|',
    `@${'a'.repeat(50)}|`,
  ]) {
    t.equal(typed(text), undefined, text)
  }
})

t.test('people in the room are offered first, and an offer takes the place of the letters', async (t) => {
  const names = (letters: string) =>
    peopleFor(letters, [bob, anna], [ann, anna]).map((offer) => offer.type === 'person' && offer.user.name)
  t.same(names('an'), ['Anna Lee', 'Ann'])
  t.same(names('lee'), ['Anna Lee'])
  t.same(names('x'), [])
  const at = typedBefore('so @an, yes', 6)
  t.ok(at)
  if (at === undefined) return
  t.same(complete('so @an, yes', 6, at, { type: 'person', user: ann }), { text: 'so @Ann, yes', caret: 7 })
  t.same(complete('so @an yes', 6, at, { type: 'person', user: ann }), { text: 'so @Ann yes', caret: 8 })
})

t.test('groups stand behind people, unless their whole name is written', async (t) => {
  const named = (offer: Offer) => (offer.type === 'person' ? offer.user.name : offer.type)
  const names = (letters: string, people: { id: string; name: string }[]) =>
    withGroups(letters, peopleFor(letters, people, [])).map(named)
  const rooms = Array.from({ length: 9 }, (_, n) => ({ id: `${n}`, name: `Room ${n}` }))
  t.same(names('r', [{ id: '1', name: 'Rosa' }]), ['Rosa', 'group'])
  t.same(names('HE', []), ['group'])
  t.same(names('roo', rooms).at(-1), 'group')
  t.equal(names('roo', rooms).length, 8)
  t.same(names('room', rooms)[0], 'group')
  t.equal(names('room', rooms).length, 8)
  t.same(names('rooms', []), [])
  const at = typedBefore('@ro', 3)
  const [group] = withGroups('ro', [])
  t.ok(at && group)
  if (at === undefined || group === undefined) return
  t.same(complete('@ro', 3, at, group), { text: '@room ', caret: 6 })
})

t.test('a text mentions those whose whole names are in it', async (t) => {
  const all = [ann, anna, bob]
  t.same(mentionedIn('@Bob, @Anna Lee and @Bob', all), ['3', '2'])
  t.same(mentionedIn('@Annabel, a@Bob and @bob', all), [])
  t.same(mentionedIn('@Anna', all), [])
  t.same(mentionedIn('@room and @here, not @rooms', groups), ['@room', '@here'])
  t.same(mentionedIn('@room', [{ id: '7', name: 'room' }, ...groups]), ['7'], 'a user of that name')
  t.same(mentionedIn('@Ann', [{ id: '9', name: 'Ann' }, ann]), ['9'], 'the one who was chosen')
  const many = Array.from({ length: 30 }, (_, n) => ({ id: `${n}`, name: `user ${n}.` }))
  t.equal(mentionedIn(many.map(({ name }) => `@${name}`).join(' '), many).length, 20)
})

t.test('each emoji is one that the server takes, once, with a name that finds it', async (t) => {
  // A text, since the compiler takes the flag in literals only for newer targets.
  const oneEmoji = '^\\p{RGI_Emoji}$'
  const one = new RegExp(oneEmoji, 'v')
  t.ok(emoji.length >= 100)
  t.equal(new Set(emoji.map(({ sign }) => sign)).size, emoji.length)
  for (const entry of emoji) {
    t.match(entry.sign, one, entry.name)
    t.ok(findEmoji(entry.name).includes(entry), entry.name)
  }
  t.equal(findEmoji('thumbs_up')[0]?.sign, '👍')
  t.equal(findEmoji('LAUNCH')[0]?.sign, '🚀')
  t.same(findEmoji('no such emoji'), [])
})
