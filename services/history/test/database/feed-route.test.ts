import { EventsReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { connectPostgres } from '@rabble/database'
import { sharedPostgres, until } from '@rabble/harness'
import t from 'tap'
import type { HistoryOptions } from '../../src/index.ts'
import { build, timeout, tokens, waitFor } from '../build.ts'
import { longTimeouts } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

// Only over one database: feed.test.ts runs over both.
const server = await sharedPostgres(t)
const database = await connectPostgres(await server.createDatabase(), longTimeouts)
t.teardown(() => database.close())
const log = createMemoryLog()
let banned = ''
const rooms: NonNullable<HistoryOptions['rooms']> = {
  async policies(since) {
    const policy = { kind: 'ban' as const, user: banned }
    return { version: 1, reset: since === 0, more: false, changes: [{ key: 'ban', policy }] }
  },
  readable: async () => [],
  hidden: async () => ({ everything: false, names: [] }),
  retention: async () => new Map(),
  former: async () => {},
}
const app = build(t, { log, database, rooms })
await app.ready()

const sign = (id: string, ...roles: string[]) => tokens.sign({ id, name: id }, 3_600, roles)
const service = await sign('bot', 'service')

async function get(query: string, token: string | undefined = service, of = app) {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  const { statusCode, body } = await of.inject({ url: `/api/events?${query}`, headers })
  return { status: statusCode, body: JSON.parse(body) }
}

await t.test('a program reads all that is stored, and the answer is as it is described', async (t) => {
  log.append(message('a'), message('b', { room: 'dm:ada:bob' }), message('c', { room: 'random' }))
  await until(async () => (await get('')).status === 200, timeout, 'history to be ready')
  await waitFor(database, 3)
  const { body } = await get('from=first')
  t.same(
    body.events.map(({ event }: { event: unknown }) => event),
    [message('a'), message('c', { room: 'random' })],
  )
  t.ok(Value.Check(EventsReply, body))
  t.match((await get(`after=${body.events[0].position}`)).body, { events: [{ event: { id: 'c' } }] })
  t.same((await get('from=first&room=random&room=none')).body.events.length, 1)
  t.match((await get('')).body, { events: [], position: body.position, hasMore: false })
})

await t.test('only a bearer token with the role reads, and private rooms need another role', async (t) => {
  const cookie = { cookie: `rabble_session=${service}` }
  t.equal((await app.inject({ url: '/api/events', headers: cookie })).statusCode, 401)
  t.match(await get('', ''), { status: 401, body: { code: 'unauthorized' } })
  t.match(await get('', `${service}x`), { status: 401, body: { code: 'unauthorized' } })
  for (const roles of [[], ['moderator'], ['direct-reader']]) {
    t.match(await get('', await sign('ada', ...roles)), { status: 403, body: { code: 'forbidden' } })
  }
  t.match(await get('from=first&direct=true'), { status: 403, body: { message: /direct-reader/ } })
  const reader = await sign('auditor', 'service', 'direct-reader')
  t.equal((await get('from=first', reader)).body.events.length, 2, 'not without being asked for')
  t.equal((await get('from=first&direct=true', reader)).body.events.length, 3)
  const one = (await get('from=first&direct=true&room=dm:ada:bob', reader)).body
  t.match(one, { events: [{ event: { id: 'b' } }] })
  banned = 'builds'
  const builds = await sign('builds', 'service')
  await until(async () => (await get('', builds)).status === 403, timeout, 'the ban to be known')
  t.equal((await get('')).status, 200)
})

await t.test('a request that breaks a rule is told which', async (t) => {
  const wrong: [string, RegExp][] = [
    ['after=nowhere', /after must be a position/],
    ['after=0123456789ab&from=first', /exclude each other/],
    ['from=here', /from must be equal to one of/],
    ['limit=0', /limit must be >= 1/],
    ['limit=1001', /limit must be <= 1000/],
    ['wait=31', /wait must be <= 30/],
    ['room=a:b', /not the name of a room/],
    ['room=dm:ada:bob', /need direct=true/],
    [`room=${Array.from({ length: 51 }, (_, n) => n).join('&room=')}`, /must NOT have more than 50/],
  ]
  for (const [query, rule] of wrong) {
    t.match(await get(query), { status: 400, body: { code: 'bad-frame', message: rule } }, query)
  }
})

await t.test('a request waits for events that come, and for no longer than it says', async (t) => {
  const { position } = (await get('')).body
  const waiting = get(`after=${position}&room=general&wait=30`)
  log.append(message('of another room', { room: 'random' }))
  await waitFor(database, 4)
  log.append(message('d'))
  t.match((await waiting).body, { events: [{ event: { id: 'd' } }], hasMore: false })
  t.match((await get(`after=${position}&room=none&wait=1`)).body, { events: [] })
  const elsewhere = position.replace(/^[^-]*/, '00000000beef')
  const { body } = await get(`after=${elsewhere}&room=none&wait=1`)
  t.match(body, { events: [], gap: 'other-database' }, 'a gap is news')
  const last = (await get('')).body
  const stopping = build(t, { log, database })
  await stopping.ready()
  await until(async () => (await get('', service, stopping)).status === 200, timeout, 'it to be ready')
  const cut = get(`after=${last.position}&wait=30`, service, stopping)
  // Served one after the other, so the first one waits by now.
  t.equal((await get(`after=${last.position}`, service, stopping)).status, 200)
  await stopping.close()
  t.match(
    await cut,
    { status: 200, body: { events: [], position: last.position } },
    'a server that stops answers',
  )
})

await t.test('one program has a share of the places to wait', async (t) => {
  const { position } = (await get('')).body
  const waits = Array.from({ length: 20 }, () => get(`after=${position}&wait=30`))
  await until(
    async () => (await get(`after=${position}`)).status === 429,
    timeout,
    'all places of the program to be taken',
  )
  const other = await app.inject({
    url: `/api/events?after=${position}`,
    headers: { authorization: `Bearer ${await sign('other', 'service')}` },
    remoteAddress: '192.0.2.1',
  })
  t.equal(other.statusCode, 200)
  log.append(message('e'))
  for (const { body } of await Promise.all(waits)) t.match(body, { events: [{ event: { id: 'e' } }] })
  t.equal((await get(`after=${position}`)).status, 200)
})
