import { createManualClock } from '@rabble/clock/manual'
import type { PeopleSignal, Person } from '@rabble/contract'
import t, { type Test } from 'tap'
import { createPeople } from '../../src/conversations/people.ts'
import type { Session } from '../../src/sessions/session.ts'

interface Told {
  type: string
  people: Person[]
  removed?: string[]
}

/** Starts gateways that share signals, a clock and a history that knows who shares a conversation. */
function start(t: Test, names = ['one', 'two']) {
  const clock = createManualClock()
  const history = { hidden: new Set<string>(), seenAt: undefined as number | undefined, down: false }
  const published: { gateway: string; user: string }[] = []
  const signals: PeopleSignal[] = []
  const network = { cut: false }
  const states = new Map<string, 'ready' | 'gone'>(names.map((name) => [name, 'ready']))
  const gateways = names.map((gateway) => {
    const sessions = new Map<string, Set<Session>>()
    const people = createPeople({
      gateway,
      history: {
        async contacts(_user, users) {
          if (history.down) throw new Error('down')
          const { seenAt } = history
          return {
            through: [0],
            contacts: users.map((user) => ({
              user,
              shown: user !== 'stranger' && !history.hidden.has(user),
              ...(seenAt !== undefined && { seenAt }),
            })),
          }
        },
      },
      hub: { sessionsOf: (user) => sessions.get(user) ?? [] },
      memberships: {
        async publish({ user }) {
          published.push({ gateway, user })
          return 'id'
        },
      },
      log: {
        signal(signal) {
          signals.push(signal as unknown as PeopleSignal)
          if (network.cut) return
          for (const { people } of gateways) people.heard(signal as unknown as PeopleSignal)
        },
      },
      gateways: () =>
        [...states].map(([gateway, state]) => ({
          ...{ gateway, state, sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0 },
        })),
      positions: () => [0],
      leaving: () => false,
      timeout: 5_000,
      clock,
    })
    t.teardown(() => people.close())
    return {
      people,
      connect(user: string, told: Told[] = []): Session {
        const session = {
          user: { id: user, name: user },
          sharers: [user],
          away: false,
          activeAt: clock.monotonic(),
          closed: false,
          reply: (frame: Told) => void told.push(frame),
        } as unknown as Session
        sessions.set(user, (sessions.get(user) ?? new Set()).add(session))
        people.touched(user)
        return session
      },
      leave(session: Session): void {
        const { id = '' } = session.user ?? {}
        sessions.get(id)?.delete(session)
        people.ended(session)
        people.touched(id)
      },
    }
  })
  const [one, two] = gateways
  if (one === undefined || two === undefined) throw new Error('two gateways')
  async function follow(session: Session, users: string[]): Promise<Person[]> {
    const asked = one?.people.follow(session, 'ada', users) ?? Promise.reject(new Error('no gateway'))
    asked.catch(() => {})
    for (let n = 0; n < 30; n++) await clock.advance(100)
    return asked
  }
  const pass = async (milliseconds: number) => {
    for (let n = 0; n < milliseconds; n += 500) await clock.advance(500)
  }
  return { clock, history, published, signals, network, states, one, two, follow, pass }
}

t.test(
  'a user is online with any session on any gateway, away if all say so, and was last seen after that',
  async (t) => {
    const { clock, history, published, one, two, follow, pass } = start(t)
    history.seenAt = Date.parse('2026-11-22T10:00:00.000Z')
    const told: Told[] = []
    const ada = one.connect('ada', told)
    const first = [
      { user: 'bob', state: 'offline', lastSeen: '2026-11-22T10:00:00.000Z' },
      { user: 'cleo', state: 'offline' },
    ]
    t.match(await follow(ada, ['bob', 'cleo', 'stranger']), first)
    const state = () => told.at(-1)?.people.map(({ user, state }) => `${user}: ${state}`)
    const phone = two.connect('bob')
    await pass(2_000)
    t.same(state(), ['bob: online'])
    const desktop = one.connect('bob')
    await pass(2_000)
    t.equal(told.length, 1, 'a second session is no news')
    phone.away = true
    two.people.touched('bob')
    await pass(2_000)
    t.equal(told.length, 1, 'one is enough')
    one.leave(desktop)
    await pass(10_000)
    t.same(state(), ['bob: away'])
    two.people.acted(phone)
    two.leave(phone)
    await pass(3_000)
    const back = two.connect('bob')
    await pass(10_000)
    t.same(state(), ['bob: online'], 'a user who comes back soon was never away')
    t.equal(published.length, 1, 'and was not seen for the last time')
    const before = told.length
    two.leave(back)
    await pass(6_500)
    const moved = one.connect('bob')
    await pass(10_000)
    t.equal(told.length, before, 'nor was one who comes to another gateway')
    one.leave(moved)
    await pass(10_000)
    t.same(state(), ['bob: offline'])
    const lastSeen = Date.parse(told.at(-1)?.people[0]?.lastSeen ?? '')
    t.ok(Math.abs(clock.now() - lastSeen) < 15_000)
    t.same(
      published.map(({ user }) => user),
      ['bob', 'bob', 'bob'],
      'once for each gateway that was left',
    )
    one.leave(ada)
    t.equal(one.people.followed, 0)
  },
)

t.test('users of a gateway that dies are offline, also if the signals of their end are lost', async (t) => {
  const { states, network, one, two, follow, pass } = start(t)
  const told: Told[] = []
  const ada = one.connect('ada', told)
  two.connect('bob')
  await pass(1_000)
  t.match(await follow(ada, ['bob']), [{ user: 'bob', state: 'online' }], 'one who was there before')
  states.set('two', 'gone')
  await pass(5_000)
  t.match(told, [{ people: [{ user: 'bob', state: 'offline' }] }])
  states.set('two', 'ready')
  await pass(35_000)
  t.match(told[1], { people: [{ user: 'bob', state: 'online' }] }, 'it was cut off only')
  network.cut = true
  await pass(110_000)
  t.match(told[2], { people: [{ user: 'bob', state: 'offline' }] }, 'nothing repeats it')
  t.equal(told.length, 3)
})

t.test('a thousand who come at once are one frame, and few signals', async (t) => {
  const { signals, one, two, follow, pass } = start(t)
  const told: Told[] = []
  const ada = one.connect('ada', told)
  const users = Array.from({ length: 200 }, (_, n) => `user-${n}`)
  await follow(ada, users)
  const before = signals.length
  for (let n = 0; n < 1_000; n++) two.connect(`user-${n}`)
  await pass(3_000)
  t.equal(told.length, 1)
  t.equal(told[0]?.people.length, 200)
  t.same(
    signals.slice(before).map(({ users }) => users.length),
    [500, 500],
  )
})

t.test('a user who does nothing is away, until the next act', async (t) => {
  const { one, two, follow, pass } = start(t)
  const told: Told[] = []
  const ada = one.connect('ada', told)
  const bob = two.connect('bob')
  await pass(1_000)
  await follow(ada, ['bob'])
  await pass(12 * 60_000)
  t.match(told, [{ people: [{ user: 'bob', state: 'away' }] }])
  two.people.acted(bob)
  await pass(2_000)
  t.match(told[1], { people: [{ user: 'bob', state: 'online' }] })
})

t.test('a user who begins to hide is taken from all lists, and sees nobody', async (t) => {
  const { history, one, two, follow, pass } = start(t)
  const told: Told[] = []
  const ada = one.connect('ada', told)
  two.connect('bob')
  await pass(1_000)
  await follow(ada, ['bob'])
  const hide = (user: string) => ({
    ...{ type: 'privacy' as const, room: `user:${user}`, user, id: `p-${user}`, presence: false },
    ...{ at: '2026-11-22T10:00:00.000Z', via: 'one' },
  })
  one.people.take(hide('bob'), 0, 1)
  t.match(told, [{ people: [], removed: ['bob'] }])
  t.same(await follow(ada, ['bob']), [], 'history may not know it yet')
  two.connect('cleo')
  await follow(ada, ['cleo'])
  one.people.take(hide('ada'), 0, 2)
  t.equal(one.people.followed, 0)
  history.down = true
  await t.rejects(follow(ada, ['cleo']), { code: 'unavailable' })
})
