import t from 'tap'
import { type Evidence, judge, readKey, type Shown } from '../../src/chaos/verdict.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** Returns what Ada and Bob were told of one room in which three messages were written, the second one deleted. */
function evidence(): Mutable<Evidence> {
  const messages: Shown[] = [
    { id: 'm1', from: { id: 'ada' }, text: 'one, again', reactions: [{ emoji: '👍', count: 1 }] },
    { id: 'm2', from: { id: 'bob' }, text: '', deleted: {} },
    { id: 'm3', from: { id: 'ada' }, text: 'three' },
  ]
  const said = messages.map(({ id, from, text, deleted }) => ({
    id,
    room: 'r',
    by: from.id,
    text,
    deleted: deleted !== undefined,
  }))
  const told = { room: 'r', messages: ['m1', 'm2', 'm3'], changes: ['c1', 'c2', 'c3'], gaps: 0 }
  return {
    said: new Map(said.map((message) => [message.id, message])),
    told: ['ada', 'bob'].map((person) => ({ person, ...told })),
    history: new Map([['r', messages]]),
    screens: ['ada', 'bob'].map((person) => ({ person, room: 'r', messages })),
    read: new Map([[readKey('bob', 'r'), [{ message: 'm2', acknowledged: true }]]]),
    unread: [
      { person: 'ada', room: 'r', unread: 0 },
      { person: 'bob', room: 'r', unread: 1 },
    ],
    members: [{ room: 'r', when: 'at the end', found: ['ada', 'bob'], wanted: ['ada', 'bob'] }],
  }
}

/** Changes what Ada was told. */
const adaTold =
  (changes: Partial<Evidence['told'][number]>) =>
  ({ told: [ada, bob] }: Mutable<Evidence>) => ({
    told: [{ ...ada, ...changes }, bob] as Evidence['told'],
  })
const history = (change: (messages: Shown[]) => Shown[]) => (before: Mutable<Evidence>) => ({
  history: new Map([['r', change([...(before.history.get('r') ?? [])])]]),
})
const adaSees =
  (shown: Partial<Shown>, place = 1) =>
  ({ screens: [ada, bob] }: Mutable<Evidence>) => ({
    screens: [
      {
        ...ada,
        messages: ada?.messages.map((message, n) => (n === place ? { ...message, ...shown } : message)),
      },
      bob,
    ] as Evidence['screens'],
  })

const lies: Record<string, [string, (before: Mutable<Evidence>) => Partial<Evidence>]> = {
  'a message that one lacks': ['acknowledged and missing', adaTold({ messages: ['m1', 'm3'] })],
  'a message that history lacks': ['acknowledged and missing', history((messages) => messages.slice(1))],
  'a message shown twice': ['shown twice', adaTold({ messages: ['m1', 'm2', 'm2', 'm3'] })],
  'a change told twice': ['shown twice', adaTold({ changes: ['c1', 'c1', 'c2', 'c3'] })],
  'messages in another order': ['order differs', adaTold({ messages: ['m2', 'm1', 'm3'] })],
  'changes in another order': ['order differs', adaTold({ changes: ['c3', 'c2'] })],
  'a reaction that one does not see': ['screen differs from history', adaSees({ reactions: [] }, 0)],
  'a deleted text on a screen': ['deleted text shown', adaSees({ text: 'two' })],
  'a ghost': [
    'ghosts or lost members',
    ({ members }) => ({ members: members.map((list) => ({ ...list, found: ['ada', 'bob', 'eve'] })) }),
  ],
  'a member that is not there': [
    'ghosts or lost members',
    ({ members }) => ({ members: members.map((list) => ({ ...list, found: ['ada'] })) }),
  ],
  'a wrong number of unread messages': [
    'unread counts wrong',
    () => ({ unread: [{ person: 'bob', room: 'r', unread: 0 }] }),
  ],
}

t.test('what all agree on is no finding', async (t) => {
  t.same(judge(evidence()).findings, [])
})

for (const [what, [promise, lie]] of Object.entries(lies)) {
  t.test(`${what} is found, and nothing else`, async (t) => {
    const before = evidence()
    const { counts } = judge({ ...before, ...lie(before) })
    const found = Object.entries(counts).filter(([, count]) => count > 0)
    t.same(
      found.map(([promise]) => promise),
      [promise],
    )
  })
}

t.test('an edit or a deletion that history has lost is found', async (t) => {
  for (const [text, deleted, promise] of [
    ['one', undefined, 'change undone'],
    ['two', undefined, 'deleted text shown'],
  ] as const) {
    const before = evidence()
    const id = text === 'one' ? 'm1' : 'm2'
    const change = (messages: readonly Shown[]) =>
      messages.map((message) => (message.id === id ? { ...message, text, deleted } : message))
    const { counts } = judge({
      ...before,
      history: new Map([['r', change(before.history.get('r') ?? [])]]),
      screens: before.screens.map((screen) => ({ ...screen, messages: change(screen.messages) })),
    })
    t.equal(counts[promise], 1, promise)
  }
})

t.test(
  'who was told of a gap may lack what is in it, and a reading without an answer may count or not',
  async (t) => {
    const before = evidence()
    const told = adaTold({ messages: ['m1', 'm3'], gaps: 1 })(before).told
    const verdict = judge({ ...before, told })
    t.same(verdict.findings, [])
    t.equal(verdict.gapsTold, 1)
    const reading = { message: 'm3', acknowledged: false }
    for (const unread of [0, 1]) {
      const read = new Map([[readKey('bob', 'r'), [{ message: 'm2', acknowledged: true }, reading]]])
      const { findings } = judge({ ...before, read, unread: [{ person: 'bob', room: 'r', unread }] })
      t.same(findings, [])
    }
  },
)
