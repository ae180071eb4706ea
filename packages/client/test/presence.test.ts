import type { ServerFrame, ServerFrames } from '@rabble/contract'
import { until } from '@rabble/harness'
import t from 'tap'
import { createPeople, type Person } from '../src/people.ts'
import { lose, refusal, startFakeGateway } from './fake-gateway.ts'

t.test('people are asked about after each connection, and kept up to date', async (t) => {
  let people: Person[] = [{ user: 'bob', state: 'online' }]
  const failing = { once: true }
  const gateway = await startFakeGateway(t, (frame): ServerFrame | null | undefined => {
    if (frame.type === 'away') return null
    if (frame.type !== 'people') return undefined
    if (!failing.once) return { type: 'people', ref: frame.ref ?? 0, people }
    failing.once = false
    return refusal(frame, 'unavailable')
  })
  const chat = gateway.connect()
  const list = createPeople(chat)
  t.teardown(() => list.close())
  let changes = 0
  list.subscribe(() => changes++)
  list.follow(['bob', 'cleo', 'bob'])
  const state = (user: string) => list.getSnapshot().get(user)?.state
  await until(() => state('bob') === 'online', 30_000, 'the first answer')
  t.same(gateway.frames('people').at(-1)?.users, ['bob', 'cleo'])
  t.equal(state('cleo'), undefined)
  const asked = gateway.frames('people').length
  list.follow(['bob', 'cleo'])
  t.equal(gateway.frames('people').length, asked, 'the same list is no question')

  const send = (frame: ServerFrames['people']) => gateway.connections.at(-1)?.send(frame)
  const lastSeen = '2026-11-22T10:00:00.000Z'
  send({ type: 'people', people: [{ user: 'bob', state: 'offline', lastSeen }], version: 2 })
  send({ type: 'people', people: [{ user: 'eve', state: 'online' }], version: 3 })
  send({ type: 'people', people: [{ user: 'cleo', state: 'away' }], version: 4 })
  await until(() => state('cleo') === 'away', 30_000, 'Cleo')
  t.same(list.getSnapshot().get('bob'), { user: 'bob', state: 'offline', lastSeen })
  t.equal(state('eve'), undefined, 'nobody asked about her')
  send({ type: 'people', people: [], removed: ['cleo'], version: 5 })
  await until(() => state('cleo') === undefined, 30_000, 'Cleo to hide')
  t.ok(changes >= 4)

  list.setAway(true)
  list.setAway(true)
  await until(() => gateway.frames('away').length > 0, 30_000, 'the server to be told')
  people = [{ user: 'bob', state: 'away' }]
  await lose(gateway, chat)
  await until(() => state('bob') === 'away', 30_000, 'the answer over the new connection')
  t.same(
    gateway.frames('away').map(({ away }) => away),
    [true, true],
    'a new session is told as well',
  )
})
