import { type ChangeEvent, changed as contract, directRoom as contractRoom } from '@rabble/contract'
import { createRandom } from '@rabble/harness'
import t from 'tap'
import { directRoom } from '../src/names.ts'
import { applyChange } from '../src/reacted.ts'
import { message } from './fake-gateway.ts'

t.test('changes make of a message what the contract says', async (t) => {
  const random = createRandom(7)
  const maybe = <T>(value: T): T | undefined => (random() < 0.5 ? value : undefined)
  const users = ['guest-bob', 'guest-ada'].map((id) => ({ id, name: id }))
  const different: ChangeEvent[][] = []
  for (let round = 0; round < 2_000; round++) {
    const more = { cid: maybe('c1'), replyTo: maybe('m0'), meta: maybe({ colour: 'red' }), unknown: maybe(1) }
    const start = JSON.parse(JSON.stringify({ ...message('general', 'm1'), ...more }))
    const changes = Array.from({ length: 6 }, (_, index): ChangeEvent => {
      const from = users[random() < 0.8 ? 0 : 1] ?? { id: '', name: '' }
      const emoji = random() < 0.7 ? '👍' : '🎉'
      const remove = random() < 0.4 ? { remove: true as const } : {}
      const which = { room: random() < 0.9 ? 'general' : 'other', message: random() < 0.9 ? 'm1' : 'm2' }
      const event = { ...which, id: `e${index}`, from, at: `${index}`, via: 'x' }
      const by = { ...event, ...(random() < 0.2 && { moderator: true as const }) }
      const all = maybe([{ emoji: '😀', count: 70, users: [from.id] }])
      const told = random() < 0.2 && all !== undefined ? { reactions: all } : {}
      if (random() < 0.6) return { type: 'reaction', ...event, emoji, ...remove, ...told, revision: 1 }
      return random() < 0.7 ? { type: 'edit', ...by, text: `${index}` } : { type: 'delete', ...by }
    })
    const [here, there] = [changes.reduce(applyChange, start), changes.reduce(contract, start)]
    if (JSON.stringify(here) !== JSON.stringify(there)) different.push(changes)
  }
  t.same(different, [])
})

t.test('the room of two users is the one that the contract says', async (t) => {
  for (const [a, b] of [
    ['a', 'b'],
    ['b', 'a'],
    ['a', 'a'],
    ['A', 'a'],
    ['a.b', 'a-b'],
  ] as const) {
    t.equal(directRoom(a, b), contractRoom(a, b))
  }
})
