import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { build, secret } from '../build.ts'
import { buildWithRooms } from '../rooms-build.ts'
import { pass } from '../time.ts'

const ada = { id: 'ada', name: 'Ada' }

t.test(
  'a session goes on with another token, over the same connection, and ends with that one',
  async (t) => {
    const clock = createManualClock()
    const { ws, tokens, metric } = await build(t, { clock, auth: 'jwt' })
    const client = await connectChat(t, ws, { token: await tokens.sign(ada, 600) })
    t.match(client.frames[0], { type: 'welcome', expiresIn: Number })
    await client.join('general')
    clock.jump(550_000)
    const { expiresIn = 0, token } = await client.request({
      type: 'refresh',
      token: await tokens.sign(ada, 1_200),
    })
    // The gateway uses this clock. The token is made by the clock of the machine.
    t.ok(expiresIn > 600_000 && expiresIn < 700_000, `${expiresIn} ms are left`)
    t.equal(token, undefined, 'an account gets none')
    // The first token has expired.
    clock.jump(100_000)
    await clock.advance(1_000)
    await client.send('general', 'still here')
    t.equal(await metric('rabble_gateway_connections'), 1)
    clock.jump(700_000)
    await clock.advance(1_000)
    t.match(await client.closed, { code: 4401, reason: 'the token has expired' })
    t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'tokenExpired' }), 1)
  },
)

t.test('the roles of the new token count, the name stays', async (t) => {
  const { ws, tokens } = await build(t, { auth: 'jwt' })
  const bob = await connectChat(t, ws, { token: await tokens.sign({ id: 'bob', name: 'Bob' }, 600) })
  const client = await connectChat(t, ws, { token: await tokens.sign(ada, 600) })
  for (const one of [bob, client]) await one.join('general')
  const { id } = await bob.send('general', 'hello')
  await client.sees(id)
  await t.rejects(client.delete('general', id), { code: 'forbidden' })
  const token = await tokens.sign({ id: 'ada', name: 'Adele' }, 600, ['moderator'])
  await client.request({ type: 'refresh', token })
  const deletion = await client.delete('general', id)
  t.match(await bob.sees(deletion.id), { type: 'delete', moderator: true, from: ada })
  await client.request({ type: 'refresh', token: await tokens.sign(ada, 600) })
  const other = await bob.send('general', 'hello again')
  await client.sees(other.id)
  await t.rejects(
    client.delete('general', other.id),
    { code: 'forbidden' },
    'and those of the old one do not',
  )
})

t.test(
  'the members of a room are told the role of the new token, and lists have the roles without a rooms service, too',
  async (t) => {
    const { a } = await buildWithRooms(t)
    for (const { ws, tokens } of [a, await build(t)]) {
      const [plain, moderator] = [await tokens.sign(ada, 600), await tokens.sign(ada, 600, ['moderator'])]
      const client = await connectChat(t, ws, { token: plain })
      await client.join('general')
      const other = await connectChat(t, ws, { token: plain })
      await other.join('general')
      const isListed = async (role?: 'moderator') => {
        const { users } = await client.request({ type: 'members', room: 'general' })
        return users.length === 1 && users[0]?.role === role
      }
      t.ok(await isListed())
      await other.request({ type: 'refresh', token: moderator })
      await until(() => isListed('moderator'), 60_000, 'the role')
      await other.request({ type: 'refresh', token: plain })
      await until(() => isListed(), 60_000, 'its end')
    }
  },
)

t.test('a token that is not valid, or of somebody else, changes nothing', async (t) => {
  const { a: gateway, rooms } = await buildWithRooms(t, 1, { auth: 'jwt' })
  const { ws, tokens } = gateway
  const early = await connectChat(t, ws, { hello: false })
  const token = await tokens.sign(ada, 600)
  await t.rejects(early.request({ type: 'refresh', token }), { code: 'unauthorized' }, 'hello comes first')
  const client = await connectChat(t, ws, { token })
  await client.join('general')
  const refused = [
    ['unauthorized', await createTokens(`${secret}!`).sign(ada, 600)],
    ['unauthorized', await tokens.sign(ada, -1)],
    ['forbidden', await tokens.sign({ id: 'eve', name: 'Ada' }, 600, ['moderator'])],
  ] as const
  for (const [code, token] of refused) await t.rejects(client.request({ type: 'refresh', token }), { code })
  await client.send('general', 'still Ada')
  rooms.put('ban ada', { kind: 'ban', user: 'ada', reason: '' })
  t.match(await client.closed, { code: 1008, reason: /banned/ }, 'a ban has another code than an old token')
  await until(() => rooms.audited.length === refused.length, 60_000, 'what was refused to be told')
  t.match(
    rooms.audited.map(({ actor, detail }) => [actor.id, detail?.code]),
    refused.map(([code]) => ['ada', code]),
  )
})

t.test('no more than one a second is taken for long', async (t) => {
  const { ws, tokens } = await build(t, { auth: 'jwt', clock: createManualClock() })
  const token = await tokens.sign(ada, 600)
  const client = await connectChat(t, ws, { token })
  for (let count = 0; count < 5; count++) await client.request({ type: 'refresh', token })
  await t.rejects(client.request({ type: 'refresh', token }), { code: 'rate-limited', retryAfter: 1_000 })
})

t.test('a guest gets a new token, with which it comes back as the same one', async (t) => {
  const { a } = await buildWithRooms(t)
  const guest = await connectChat(t, a.ws, { hello: false })
  const { token = '', user, expiresIn } = await guest.request({ type: 'hello', name: 'Ada' })
  t.ok(expiresIn, 'it hears when to ask for another one')
  const fresh = await guest.request({ type: 'refresh', token })
  t.match(fresh, { token: /./, expiresIn: Number })
  const again = await connectChat(t, a.ws, { token: fresh.token ?? '' })
  t.same(again.user, user)
})

t.test('who has a new token while the rooms service is down has the name for as long as that', async (t) => {
  const clock = createManualClock()
  const { a, rooms } = await buildWithRooms(t, 1, { clock })
  const claims: (number | undefined)[] = []
  const { names } = rooms
  rooms.names = (gateway, batch) => {
    claims.push(...batch.claim.map(({ account }) => account))
    return names(gateway, batch)
  }
  const client = await connectChat(t, a.ws, { token: await a.tokens.sign(ada, 600) })
  rooms.down = true
  await pass(clock, 500, async () => (await a.metric('rabble_gateway_rooms_up')) === 0, 'it to be noticed')
  const token = await a.tokens.sign(ada, 1_200)
  await client.request({ type: 'refresh', token })
  rooms.down = false
  const { expiresAt } = await a.tokens.verify(token)
  await pass(clock, 500, () => claims.at(-1) === expiresAt, 'the name to be claimed again')
})
