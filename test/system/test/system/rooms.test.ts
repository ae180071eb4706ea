import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  type ChatClient,
  connectChat,
  inForm,
  noRateLimits,
  ReplyError,
  type Service,
  startCluster,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t, { type Test } from 'tap'

/*
 * Tests of rooms with several gateways and replicas of the rooms service, as processes, with a broker and a database.
 * ROOMS_MEMBERS and ROOMS_ROUNDS enlarge the test of gateways that die.
 */

const memberCount = Number(process.env.ROOMS_MEMBERS ?? inForm(20, 200))
const rounds = Number(process.env.ROOMS_ROUNDS ?? inForm(1, 2))
/** Timeout (ms) until the seats of a dead gateway are free. That usually takes 11 to 16 s, and is printed. */
const ghostTime = 60_000

assertNothingLeft(t)

const { gateways, rooms, secret } = await startCluster(t, {
  gateways: inForm(3, 4),
  histories: 0,
  rooms: 2,
  nginx: false,
  env: { ...noRateLimits, RABBLE_HELLO_TIMEOUT_MS: '60000' },
})
const tokens = createTokens(secret)
const moderator = await tokens.sign({ id: 'mod', name: 'Mod' }, 3600, ['moderator'])

function gatewayAt(index: number): Service {
  const gateway = gateways[index % gateways.length]
  if (gateway === undefined) throw new Error('there is no gateway')
  return gateway
}

/** Repeats a request while the answer is `unavailable`, as clients do: rooms may be down or just be back. @throws ReplyError */
async function whileUnavailable<T>(request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request()
    } catch (error) {
      if (!(error instanceof ReplyError) || error.code !== 'unavailable') throw error
      await sleep(error.retryAfter ?? 1_000)
    }
  }
}

/** @throws ReplyError if the hello is refused */
async function connect(t: Test, id: string, gateway: Service): Promise<ChatClient> {
  const token = await tokens.sign({ id, name: id }, 3600)
  return whileUnavailable(() => connectChat(t, gateway.url, { token, timeout: 30_000 }))
}

function connectMany(t: Test, prefix: string, count: number, gateway?: Service): Promise<ChatClient[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => connect(t, `${prefix}-${n}`, gateway ?? gatewayAt(n))),
  )
}

/** Sends a request to a replica of the rooms service as a moderator. */
async function ask(method: string, path: string, body?: object): Promise<{ id: number }> {
  const response = await fetch(`${rooms[0]?.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${moderator}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? { id: 0 } : JSON.parse(text)
}

/** Waits until the client's last presence frame has this count. */
function hears(client: ChatClient, room: string, count: number, timeout: number): Promise<void> {
  const last = () => client.frames.findLast((frame) => frame.type === 'presence' && frame.room === room)
  const told = () => {
    const frame = last()
    return frame?.type === 'presence' && frame.count === count
  }
  return until(told, timeout, `${room} to have ${count} users`)
}

/** @throws ReplyError if it is refused */
function enter(client: ChatClient, room: string): ReturnType<ChatClient['join']> {
  return whileUnavailable(() => client.join(room))
}

async function countIn(client: ChatClient, room: string): Promise<number> {
  return (await client.request({ type: 'members', room })).count
}

t.test('of many who want into a room for ten at once, over all gateways, ten get in', async (t) => {
  await ask('POST', '/api/rooms', { name: 'ten', capacity: 10 })
  const clients = await connectMany(t, 'rush', inForm(30, 200))
  const results = await Promise.allSettled(clients.map((client) => enter(client, 'ten')))
  const inside = clients.filter((_, n) => results[n]?.status === 'fulfilled')
  const refused = results.filter((result) => result.status === 'rejected')
  t.same([...new Set(refused.map(({ reason }) => reason.code))], ['room-full'])
  t.equal(inside.length, 10)
  const [one, two] = inside
  if (one === undefined || two === undefined) return
  t.equal(await countIn(one, 'ten'), 10)
  await two.request({ type: 'leave', room: 'ten' })
  const outside = clients.find((client) => !inside.includes(client))
  await until(() => outside?.join('ten').then(Boolean) ?? false, 60_000, 'the seat to be free')
  t.equal(await countIn(one, 'ten'), 10)
})

t.test('kicks, bans and mutes hold on every gateway', async (t) => {
  const eves = await Promise.all(gateways.map((gateway) => connect(t, 'eve', gateway)))
  const ada = await connect(t, 'ada', gatewayAt(0))
  const everyone = [...eves, ada]
  await Promise.all(everyone.map((client) => enter(client, 'forum')))
  const timed = async (what: string, work: Promise<unknown>) => {
    const began = performance.now()
    await work
    t.comment(`${what}: ${Math.round(performance.now() - began)} ms`)
  }
  const out = (room: string) =>
    Promise.all(
      eves.map((eve) => eve.waitFor((frame) => frame.type === 'left' && frame.room === room, 60_000)),
    )

  await ask('POST', '/api/moderation/kicks', { user: 'eve', room: 'forum', reason: 'once' })
  await timed('kick', out('forum'))
  await Promise.all(eves.map((eve) => enter(eve, 'forum')))

  const mute = await ask('POST', '/api/moderation/mutes', { user: 'eve', room: 'forum' })
  const silenced = (eve: ChatClient) =>
    eve.send('forum', 'x').then(
      () => false,
      ({ code }) => code === 'forbidden',
    )
  const allSilenced = async () => (await Promise.all(eves.map(silenced))).every(Boolean)
  await timed('mute', until(allSilenced, 60_000, 'her to be muted everywhere'))
  await ask('DELETE', `/api/moderation/mutes/${mute.id}`)
  await timed(
    'unmute',
    until(async () => !(await Promise.all(eves.map(silenced))).some(Boolean), 60_000, 'her voice'),
  )

  await Promise.all(eves.map((eve) => enter(eve, 'den')))
  await ask('POST', '/api/moderation/bans', { user: 'eve', room: 'den', reason: 'twice' })
  await timed('ban', out('den'))
  for (const client of everyone) await client.close()
})

/** Lets a guest of the first gateway have a name, which nobody else gets at another gateway. No account has this name. */
async function nameIsTaken(t: Test): Promise<ChatClient> {
  const anna = await connectChat(t, gatewayAt(0).url, { name: 'Anna' })
  const stranger = await connectChat(t, gatewayAt(2).url, { hello: false })
  const refused = (hello: { name: string } | { token: string }, code: string) =>
    t.rejects(stranger.request({ type: 'hello', ...hello }), { code }, `${JSON.stringify(hello)}: ${code}`)
  // The last name has a Cyrillic letter that looks like a Latin one.
  for (const name of ['Anna', 'aNNA', '\u0410nna']) await refused({ name }, 'name-taken')
  const guest = { id: 'guest-x', name: 'Eve' }
  await refused({ token: await createTokens(`${secret}!`).signGuest(guest, 60) }, 'unauthorized')
  await refused({ token: await tokens.signGuest(guest, -1) }, 'unauthorized')
  await refused({ token: await tokens.signGuest({ ...guest, name: 'Anna' }, 60) }, 'name-taken')
  return anna
}

t.test('who sat at a gateway that was killed has left within seconds, and no ghost stays', async (t) => {
  const anna = await nameIsTaken(t)
  for (let round = 0; round < rounds; round++) {
    const doomed = gatewayAt(round)
    const room = `haunted-${round}`
    await ask('POST', '/api/rooms', { name: room, capacity: memberCount + 1 })
    const witness = await connect(t, 'witness', gatewayAt(round + 1))
    await enter(witness, room)
    const members = await connectMany(t, 'ghost', memberCount, doomed)
    await Promise.all(members.map((member) => enter(member, room)))
    await hears(witness, room, memberCount + 1, 60_000)
    const late = await connect(t, 'late', gatewayAt(round + 2))
    await t.rejects(enter(late, room), { code: 'room-full' })
    const began = performance.now()
    await doomed.kill()
    if (round === 0) {
      const again = await connectChat(t, gatewayAt(1).url, { name: 'Anna' })
      t.same(again.user, anna.user, 'a guest comes back with her token at once')
      await again.close()
    }
    await hears(witness, room, 1, ghostTime)
    t.comment(
      `round ${round}: ${memberCount} seats were free after ${Math.round(performance.now() - began)} ms`,
    )
    t.equal(await countIn(witness, room), 1)
    t.match(await enter(late, room), { count: 2 })
    await doomed.restart()
    await doomed.ready()
    for (const client of [witness, late]) await client.close()
  }
  const heir = await connectChat(t, gatewayAt(2).url, { hello: false })
  const hello = () => heir.request({ type: 'hello', name: 'Anna' }).then(Boolean)
  await until(hello, ghostTime, 'the name to be free, once the lease of the dead gateway has ended')
  t.not(heir.user?.id, anna.user?.id)
  const last = await connect(t, 'last', gatewayAt(0))
  for (let round = 0; round < rounds; round++) {
    await until(
      async () => (await last.join(`haunted-${round}`)).count === 1,
      ghostTime,
      'the room to be empty',
    )
  }
})

t.test('while rooms are down people chat on; then everything is true again', async (t) => {
  await ask('POST', '/api/rooms', { name: 'limited', capacity: 5 })
  const ada = await connect(t, 'ada', gatewayAt(0))
  const bob = await connect(t, 'bob', gatewayAt(1))
  for (const client of [ada, bob]) {
    await enter(client, 'lobby')
    await enter(client, 'limited')
  }
  for (const replica of rooms) await replica.kill()
  const cleo = await connect(t, 'cleo', gatewayAt(2))
  const dora = await connect(t, 'dora', gatewayAt(3))
  for (const client of [cleo, dora]) {
    t.ok(await enter(client, 'lobby'))
    await t.rejects(client.join('limited'), { code: 'unavailable' })
  }
  const { id } = await cleo.send('lobby', 'is anybody there?')
  await ada.sees(id)
  const answer = await ada.send('limited', 'we are')
  await bob.sees(answer.id)
  await bob.request({ type: 'leave', room: 'limited' })
  await dora.close()
  for (const gateway of gateways) await gateway.ready()

  for (const replica of rooms) await replica.restart()
  for (const client of [ada, bob, cleo]) {
    await until(async () => (await countIn(client, 'lobby')) === 3, ghostTime, 'all of them to be counted')
  }
  await until(async () => (await countIn(ada, 'limited')) === 1, ghostTime, 'the seat to be given back')
  await until(() => cleo.join('limited').then(Boolean), ghostTime, 'limited rooms to be open again')
  await hears(ada, 'limited', 2, ghostTime)
})

t.test('a ban holds also after restarts, and one for all rooms on every gateway', async (t) => {
  // The first gateway and all of rooms have been killed since.
  for (const service of [...rooms, ...gateways]) await service.ready()
  const eves: ChatClient[] = []
  for (const gateway of gateways) {
    const eve = await connect(t, 'eve', gateway)
    await t.rejects(enter(eve, 'den'), { code: 'forbidden' })
    eves.push(eve)
  }
  const away = Promise.all(eves.map((eve) => eve.closed))
  await ask('POST', '/api/moderation/bans', { user: 'eve', reason: 'enough' })
  for (const { code } of await away) t.equal(code, 1008)
  for (const gateway of gateways) {
    // A gateway without a session of hers may learn of it a moment later.
    const refused = () =>
      connect(t, 'eve', gateway).then(
        () => false,
        ({ code }) => code === 'forbidden',
      )
    await until(refused, 60_000, 'her to be banned everywhere')
  }
})
