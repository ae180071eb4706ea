import type { Person, ServerFrame } from '@rabble/contract'
import { type ChatClient, connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog } from '../memory-log.ts'

async function connect(t: Test, gateway: TestGateway, id: string): Promise<ChatClient> {
  return connectChat(t, gateway.ws, { token: await gateway.tokens.sign({ id, name: id }, 600) })
}

/** Returns what a client has been told of a user; undefined: nothing, or that the user may not be seen any more. */
function told(client: ChatClient, user: string): Person | undefined {
  let known: Person | undefined
  for (const frame of client.frames) {
    if (frame.type !== 'people') continue
    if ('ref' in frame || frame.removed?.includes(user)) known = undefined
    known = frame.people.find((person) => person.user === user) ?? known
  }
  return known
}

// Waits for real time (about 10 s): the database of history answers in it, and with a moved clock the gateways would give up on answers
// that are still on their way. The times themselves are tested in test/conversations/people.test.ts, with a moved clock.
t.test('people who share a direct conversation see each other, over gateways, if both want it', async (t) => {
  const log = createMemoryLog(2)
  const history = await buildHistory(t, log)
  const [one, two] = [await build(t, { log, history }), await build(t, { log, history })]
  t.teardown(() => log.close())
  const ada = await connect(t, one, 'ada')
  const bob = await connect(t, two, 'bob')
  await connect(t, two, 'eve')
  const { id } = await ada.sendTo('bob', 'hello')
  await bob.waitFor((frame: ServerFrame) => frame.type === 'message' && frame.id === id)
  const shows = (client: ChatClient, user: string, state: Person['state'] | undefined) =>
    until(async () => told(client, user)?.state === state, 60_000, `${user}: ${state}`)

  const { people } = await ada.request({ type: 'people', users: ['bob', 'eve', 'nobody'] })
  t.same(people, [{ user: 'bob', state: 'online' }], 'not strangers')
  bob.raw(JSON.stringify({ type: 'away', away: true }))
  await shows(ada, 'bob', 'away')
  await bob.close()
  await shows(ada, 'bob', 'offline')
  t.match(told(ada, 'bob'), { lastSeen: String })
  t.equal(await one.metric('rabble_gateway_followed_people'), 3)

  // The other gateway was not asked about Bob before. It knows this from history.
  const phone = await connect(t, two, 'ada')
  await until(
    async () => {
      const { people } = await phone.request({ type: 'people', users: ['bob'] })
      return people[0]?.state === 'offline' && people[0].lastSeen !== undefined
    },
    60_000,
    'history to know when Bob was here',
  )
  const back = await connect(t, two, 'bob')
  await shows(ada, 'bob', 'online')
  t.match(await back.request({ type: 'privacy', presence: false }), { receipts: true, presence: false })
  await shows(ada, 'bob', undefined)
  t.same((await back.request({ type: 'people', users: ['ada'] })).people, [])
  t.same((await ada.request({ type: 'people', users: ['bob'] })).people, [])
  await back.request({ type: 'privacy', presence: true })
  await until(
    async () => (await ada.request({ type: 'people', users: ['bob'] })).people.length === 1,
    60_000,
    'Ada to see Bob again',
  )
  const many = Array.from({ length: 201 }, (_, n) => `user-${n}`)
  await t.rejects(ada.request({ type: 'people', users: many }), { code: 'bad-frame' })
})
