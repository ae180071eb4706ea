import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import type { RoomsClient } from '@rabble/rooms/client'
import { build, timeout, tokens, waitFor } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const ada = { id: 'ada', name: 'Ada' }
const eve = { id: 'eve', name: 'Eve' }
/** Returns the newest messages, each in its own room, which is for Ada. */
const vaults = (count: number, text: string) =>
  Array.from({ length: count }, (_, n) => message(`${text}${n}`, { room: `vault-${text}-${n}`, text }))

await onBoth(async (t, databases) => {
  const database = await databases.empty(t)
  const log = createMemoryLog()
  log.append(
    ...Array.from({ length: 30 }, (_, n) => message(`c${n}`, { room: 'cellar', text: `secret plan ${n}` })),
    message('g', { text: 'a plan for all' }),
    message('d', { room: 'dm:ada:bob', text: 'a plan for two' }),
    message('h', { text: 'a hoard and a trove for all' }),
    ...vaults(200, 'hoard'),
    ...vaults(450, 'trove'),
  )
  /** Answers of the rooms service: these rooms are for Ada. The version is their number. */
  const service = { down: false, asked: 0, closed: ['cellar'], banned: '' }
  service.closed.push(...vaults(450, 'trove').map(({ room }) => room))
  service.closed.push(...vaults(200, 'hoard').map(({ room }) => room))
  const rooms: Pick<RoomsClient, 'policies' | 'readable' | 'hidden' | 'retention' | 'former'> = {
    async policies(since) {
      if (service.down) throw new Error('down')
      const changes = service.closed.slice(since).map((room) => ({
        key: `room:${room}`,
        policy: { kind: 'room' as const, room, inviteOnly: true as const },
      }))
      const ban = { key: 'ban', policy: { kind: 'ban' as const, user: service.banned } }
      return { version: service.closed.length, reset: since === 0, more: false, changes: [...changes, ban] }
    },
    async readable(names, { user }) {
      service.asked++
      if (service.down) throw new Error('down')
      return names.filter((name) => !service.closed.includes(name) || user === 'ada')
    },
    async hidden(user) {
      if (service.down) throw new Error('down')
      return { everything: false, names: user === 'ada' ? [] : [...service.closed] }
    },
    retention: async () => new Map(),
    former: async () => {},
  }
  const clock = createManualClock()
  const app = build(t, { clock, log, database, rooms })
  await app.ready()
  const adas = await tokens.sign(ada, 3600)
  const eves = await tokens.sign(eve, 3600)
  const monas = await tokens.sign({ id: 'mona', name: 'Mona' }, 3600, ['moderator'])

  async function get(path: string, token?: string) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const reply = await app.inject({ url: path, headers })
    return { status: reply.statusCode, body: reply.body }
  }
  await waitFor(database, 683)
  const indexed = async () => {
    await clock.advance(500)
    return (await get('/api/search?q=trove&room=vault-trove-449', monas)).body.includes('"snippet"')
  }
  await until(indexed, timeout, 'the search to have followed')

  await t.test('a room for those who are invited is read by them, and by moderators', async (t) => {
    for (const path of [
      '/api/rooms/cellar/messages',
      '/api/rooms/cellar/export',
      '/api/search?q=plan&room=cellar',
    ]) {
      t.equal((await get(path)).status, 401, path)
      t.equal((await get(path, eves)).status, 403, path)
      for (const token of [adas, monas]) t.match(await get(path, token), { status: 200, body: /secret/ })
    }
    t.match(await get('/api/rooms/general/messages'), { status: 200, body: /for all/ })
    t.match(await get('/api/rooms/dm:ada:bob/messages', adas), { status: 200, body: /for two/ })
  })

  await t.test(
    'a search finds nothing in rooms that the caller may not read, and all in the others',
    async (t) => {
      const found = async (query: string, token?: string) => (await get(`/api/search?q=${query}`, token)).body
      for (const sort of ['rank', 'newest']) {
        const few = await found(`plan&limit=5&sort=${sort}`, eves)
        t.notMatch(few, /secret/)
        t.match(await found(`plan&limit=50&sort=${sort}`), /for all/)
        t.notMatch(await found(`plan&limit=50&sort=${sort}`), /secret|for two/)
        t.match(await found(`plan&limit=50&sort=${sort}`, adas), /for two/)
        const { results } = JSON.parse(await found(`plan&limit=50&sort=${sort}`, adas)) as {
          results: unknown[]
        }
        t.equal(results.length, 32)
      }
    },
  )

  await t.test('where reading needs a token, whoever is banned does not read what is for all', async (t) => {
    const ban = { key: 'ban', policy: { kind: 'ban' as const, user: 'eve' } }
    const banned = build(t, {
      log,
      database,
      rooms: {
        ...rooms,
        policies: async () => ({ version: 1, reset: true, more: false, changes: [ban] }),
        hidden: async (user) => ({ everything: user === 'eve', names: [] }),
      },
      requireToken: true,
    })
    await banned.ready()
    const prepared = async () => (await banned.inject('/healthz')).statusCode === 200
    await until(prepared, timeout, 'the tables to be there')
    for (const [token, status] of [
      [adas, 200],
      [eves, 403],
    ] as const) {
      const headers = { authorization: `Bearer ${token}` }
      for (const url of ['/api/rooms/general/messages', '/api/search?q=plan']) {
        t.equal((await banned.inject({ url, headers })).statusCode, status)
      }
    }
  })

  await t.test('what a search answers tells nothing of rooms that the caller may not read', async (t) => {
    for (const sort of ['rank', 'newest']) {
      const path = `/api/search?sort=${sort}`
      for (const word of ['hoard', 'trove', 'plan']) {
        const answer = JSON.parse((await get(`${path}&limit=1&q=${word}`, eves)).body)
        t.match(answer, { results: [{ message: { id: word === 'plan' ? 'g' : 'h' } }], hasMore: false }, word)
      }
      t.match(await get(`${path}&q=trove`, adas), { status: 200, body: /vault-trove/ })
      // The id of a hidden message must get the same answer as an unknown id, whether the words match or not.
      const [none, ...hidden] = await Promise.all(
        ['nobodys&q=plan', 'c3&q=plan', 'c3&q=hoard', 'd&q=plan'].map((query) =>
          get(`${path}&before=${query}`, eves),
        ),
      )
      t.match(none, { status: 400, body: /no result of this search/ })
      for (const answer of hidden) t.same(answer, none)
      t.equal((await get(`${path}&q=plan&before=c3`, adas)).status, 200)
    }
  })

  await t.test('many readers of a room for those who are invited cost one question each', async (t) => {
    // An answer counts for ten seconds.
    await clock.advance(10_001)
    service.asked = 0
    for (let n = 0; n < 20; n++) await get('/api/rooms/cellar/messages', n % 2 === 0 ? adas : eves)
    t.equal(service.asked, 2)
    await clock.advance(10_000)
    await get('/api/rooms/cellar/messages', adas)
    t.equal(service.asked, 2)
    await clock.advance(1)
    await get('/api/rooms/cellar/messages', adas)
    t.equal(service.asked, 3)
  })

  await t.test(
    'while rooms is down, all but the rooms for those who are invited is read as before',
    async (t) => {
      service.down = true
      const noticed = async () => {
        await clock.advance(1_000)
        return /^rabble_history_rooms_errors_total [1-9]/m.test((await get('/metrics')).body)
      }
      await until(noticed, timeout, 'history to notice')
      await clock.advance(10_001)
      service.asked = 0
      for (const token of [undefined, eves]) {
        t.equal((await get('/api/rooms/elsewhere/messages', token)).status, 200)
        t.equal((await get('/api/search?q=plan&room=general', token)).status, 200)
      }
      t.equal((await get('/api/rooms/cellar/messages')).status, 401)
      t.equal((await get('/api/rooms/cellar/messages', adas)).status, 200, 'by the last answer')
      t.equal((await get('/api/rooms/cellar/messages', eves)).status, 403)
      t.equal(service.asked, 0, 'and nobody waited for another one')
      const zoes = await tokens.sign({ id: 'zoe', name: 'Zoe' }, 3600)
      t.match(await get('/api/rooms/cellar/messages', zoes), { status: 503, body: /"unavailable"/ })
      t.equal((await get('/api/rooms/cellar/messages', monas)).status, 200)

      service.closed.push('elsewhere')
      service.banned = 'ada'
      service.down = false
      const closed = async () => {
        await clock.advance(1_000)
        return (await get('/api/rooms/elsewhere/messages')).status === 401
      }
      await until(closed, timeout, 'what has changed meanwhile to be known')
      t.equal((await get('/api/rooms/elsewhere/messages', adas)).status, 403)
      t.equal((await get('/api/rooms/cellar/messages', adas)).status, 403, 'whatever rooms said before')
    },
  )

  await t.test('before it knows anything, rooms is asked, and nobody is let in unseen', async (t) => {
    service.down = true
    const late = build(t, { log, database, rooms })
    await late.ready()
    await until(async () => (await late.inject('/healthz')).statusCode === 200, timeout, 'the tables')
    for (const room of ['general', 'cellar']) {
      t.equal((await late.inject(`/api/rooms/${room}/messages`)).statusCode, 503, room)
    }
    service.down = false
    const answers = async () => (await late.inject('/api/rooms/general/messages')).statusCode === 200
    await until(answers, timeout, 'rooms to be heard')
    t.equal((await late.inject('/api/rooms/cellar/messages')).statusCode, 401)
  })
})
