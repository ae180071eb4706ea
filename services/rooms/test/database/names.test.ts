import { createManualClock } from '@rabble/clock/manual'
import type { Signal } from '@rabble/contract'
import { connectPostgres, migrate } from '@rabble/database'
import { assertNothingLeft, createRandom, sharedPostgres } from '@rabble/harness'
import t from 'tap'
import type { NameClaim } from '../../src/client.ts'
import { claimNames, forgetNames } from '../../src/names/names.ts'
import { longTimeouts, migrations, onBoth } from '../databases.ts'
import { buildSessions, given } from '../session-api.ts'

assertNothingLeft(t)

await onBoth(async (t, make, kind) => {
  t.test(
    'a guest gets a name, an id that says nothing about it, and a token to come back with',
    async (t) => {
      const clock = createManualClock(1_900_000_000_000)
      const { client, claim, tokens } = await buildSessions(t, await make(t), { clock })
      await client.renew('g1', { fresh: true })
      const answer = await claim('g1', 'Ada')
      t.match(answer, { user: { id: /^guest-[\w-]{16}$/, name: 'Ada' } })
      const { token, expiresAt, user } = answer as { token: string; expiresAt: number; user: object }
      t.match(await tokens.verify(token), { user, guest: true, roles: [] })
      t.equal(expiresAt, clock.now() + 86_400_000)
    },
  )

  t.test('what looks like a name that somebody holds is refused, and nobody is System', async (t) => {
    const { client, claim } = await buildSessions(t, await make(t))
    await client.renew('g1', { fresh: true })
    await client.renew('g2', { fresh: true })
    const ada = given(await claim('g1', 'Ada'))
    for (const name of ['Ada', 'ada', 'Аda', 'Ada\ufe0f', 'A da', 'Ａda']) {
      t.match(await claim('g2', name), { refused: 'name-taken', retryAfter: 15_000 }, name)
    }
    given(await claim('g2', 'Adam'))
    given(await claim('g2', 'Ádá'))
    t.strictSame(given(await claim('g2', 'Ada', ada.id)), ada, 'who has the token has the name')
    for (const name of ['Ѕуѕtеm', 'S ystem', 'SYSTEM\ufe0f']) {
      t.match(await claim('g1', name), { refused: 'name-taken', message: /reserved/ }, name)
    }
    for (const name of ['System', '', ' Ada', '\u3164', 'A\u0000', 'x'.repeat(65)]) {
      t.match(await claim('g1', name), { refused: 'bad-frame' }, JSON.stringify(name))
    }
  })

  t.test('a name is free once no gateway holds it any more', async (t) => {
    const { client, claim } = await buildSessions(t, await make(t))
    for (const gateway of ['g1', 'g2', 'g3']) await client.renew(gateway, { fresh: true })
    const ada = given(await claim('g1', 'Ada'))
    given(await claim('g2', 'Ada', ada.id))
    const release = (gateway: string) => client.names(gateway, { claim: [], release: [ada.id] })
    t.strictSame(await release('g3'), [], 'who never held it changes nothing')
    t.match(await claim('g3', 'Ada'), { refused: 'name-taken' })
    await release('g1')
    await release('g1')
    t.match(await claim('g3', 'Ada'), { refused: 'name-taken' }, 'the other gateway still holds it')
    await client.end('g2')
    const other = given(await claim('g3', 'Ada'))
    t.not(other.id, ada.id)
    t.match(await claim('g1', 'Ada', ada.id), { refused: 'name-taken' }, 'the old token has no name any more')
    t.equal(await claim('g2', 'Eve'), undefined, 'no lease, no name')
  })

  t.test('a name goes with the lease, and after its time, whatever is left of it', async (t) => {
    const database = await make(t)
    const { client, claim } = await buildSessions(t, database)
    await client.renew('g1', { fresh: true })
    given(await claim('g1', 'Ada'))
    await client.renew('g1', { fresh: true })
    const ada = given(await claim('g1', 'ADA'))
    await database.query(`update rooms.names set expires_at = now() - interval '1 s'`, [])
    const second = given(await claim('g1', 'Ada'))
    t.not(second.id, ada.id)
    await database.query('delete from rooms.name_holders', []) // As a crash of PostgreSQL does.
    given(await claim('g1', 'aDa'))
    await database.query(`update rooms.names set expires_at = now() - interval '1 s'`, [])
    t.ok((await forgetNames(database)) > 0)
    t.equal(await forgetNames(database), 0)
    t.strictSame(await database.query('select 1 from rooms.names', []), [])
    t.strictSame(await database.query('select 1 from rooms.name_holders', []), [])
  })

  t.test('an account has its name until its token ends, whoever has it', async (t) => {
    const database = await make(t)
    const signals: Signal[] = []
    const log = {
      partitions: 1,
      publish: async () => {},
      signal: (signal: Signal) => void signals.push(signal),
    }
    const { client, claim } = await buildSessions(t, database, { log })
    for (const gateway of ['g1', 'g2']) await client.renew(gateway, { fresh: true })
    const ends = Date.now() + 600_000
    const mona = { name: 'Mona', user: 'mona', account: ends }
    const claims = async (claim: NameClaim[]) => (await client.names('g1', { claim, release: [] })) ?? []

    const guest = given(await claim('g2', 'mona'))
    t.strictSame(
      await claims([{ name: 'MONA' }, mona]),
      [
        { refused: 'name-taken', message: 'somebody else has this name, or one that looks like it' },
        { user: { id: 'mona', name: 'Mona' }, expiresAt: ends },
      ],
      'without a token of a guest, and before guests who ask at the same time',
    )
    t.match(signals, [{ type: 'kick', user: guest.id, message: /account/ }])
    t.match(await claim('g2', 'mona', guest.id), { refused: 'name-taken', retryAfter: undefined })
    await client.names('g2', { claim: [], release: [guest.id] })
    await client.names('g1', { claim: [], release: ['mona'] })
    await client.end('g1')
    await client.renew('g1', { fresh: true })
    t.match(await claim('g2', 'Моna'), { refused: 'name-taken' }, 'whether she is there or not')

    const other = { name: 'mona', user: 'mona-2', account: ends + 600_000 }
    t.match(await claims([other, mona]), [{ user: { id: 'mona-2' } }, { user: { id: 'mona' } }])
    const until = async (from: number) => {
      const [row] = await database.query<{ left: number }>(
        'select min(extract(epoch from expires_at))::float8 as left from rooms.names',
        [],
      )
      return Math.round(((row?.left ?? 0) * 1000 - from) / 60_000)
    }
    t.equal(await until(ends), 10, 'until the last one of their tokens ends')
    t.match(await claims([{ name: 'Ada', user: 'ada', account: 8.64e15 }]), [{ user: { id: 'ada' } }])
    t.match(await claims([{ name: 'Ѕystem', user: 'eve', account: ends }]), [{ refused: 'name-taken' }])
    await database.query(`update rooms.names set expires_at = now()`, [])
    given(await claim('g2', 'Mona'))
    t.equal(signals.length, 1, 'nobody else had to go')
  })

  t.test('a batch is decided in its order, in few statements, and may be sent again', async (t) => {
    const database = await make(t)
    const { client } = await buildSessions(t, database)
    await client.renew('g1', { fresh: true })
    const claim = [...Array(1000)].map((_, index) => ({
      name: `Guest ${index % 900}`,
      user: `guest-${index}`,
    }))
    const [first, again] = [
      await client.names('g1', { claim, release: [] }),
      await client.names('g1', { claim, release: [] }),
    ]
    for (const answers of [first, again]) {
      t.strictSame(
        answers?.map((answer) => !('refused' in answer)),
        claim.map((_, index) => index < 900),
      )
    }
    const statements: string[] = []
    await database.transaction((query) =>
      claimNames(
        (sql, params) => {
          statements.push(sql)
          return query(sql, params)
        },
        claim.map(({ name, user }) => ({ name, id: user })),
        { gateway: 'g1' },
        60,
        Date.now(),
      ),
    )
    t.equal(statements.length, 3)
    const release = claim.map(({ user }) => user)
    t.strictSame(await client.names('g1', { claim: [], release }), [])
    t.strictSame(await database.query('select 1 from rooms.names', []), [])
  })

  t.test('whatever gateways claim and give back, a name has one holder', async (t) => {
    const database = await make(t)
    const { client } = await buildSessions(t, database)
    const seed = Number(process.env.NAMES_SEED ?? Date.now() % 1_000_000)
    t.comment(`NAMES_SEED=${seed}`)
    const random = createRandom(seed)
    const integer = (below: number) => Math.floor(random() * below)
    const pick = <Item>(items: readonly Item[]) => items[integer(items.length)] as Item
    const spellings = [
      ['Ada', 'АDA', 'a d a'],
      ['Bill', 'BILL', 'BiIl'],
      ['張三', '張\ufe00三'],
    ]
    const gateways = ['g1', 'g2', 'g3']
    const users = ['guest-a', 'guest-b', 'guest-c', 'guest-d']
    const holders = new Map<string, { name: number; spelling: string; gateways: Set<string> }>()
    const letGo = (user: string, gateway: string) => {
      const holder = holders.get(user)
      if (holder?.gateways.delete(gateway) && holder.gateways.size === 0) holders.delete(user)
    }
    for (const gateway of gateways) await client.renew(gateway, { fresh: true })
    for (let step = 0; step < 300; step++) {
      const gateway = pick(gateways)
      const user = pick(users)
      const kind = integer(10)
      if (kind === 0) {
        await client.renew(gateway, { fresh: true })
        for (const user of users) letGo(user, gateway)
      } else if (kind < 4) {
        await client.names(gateway, { claim: [], release: [user] })
        letGo(user, gateway)
      } else {
        const name = integer(spellings.length)
        const spelling = pick(spellings[name] ?? [])
        const [answer] =
          (await client.names(gateway, { claim: [{ name: spelling, user }], release: [] })) ?? []
        const own = holders.get(user)
        const free = ![...holders].some(([other, holder]) => other !== user && holder.name === name)
        const expected = free && (own === undefined || own.spelling === spelling)
        if (answer === undefined || 'refused' in answer === expected) {
          t.fail(`step ${step}: ${user} at ${gateway} as ${spelling}: ${JSON.stringify(answer)}`)
          return
        }
        if (expected) {
          const all = own?.gateways ?? new Set()
          holders.set(user, { name, spelling, gateways: all.add(gateway) })
        }
      }
    }
    t.pass(`over ${kind}`)
  })
})

t.test('of many who claim a name at once, over several connections and replicas, one gets it', async (t) => {
  const server = await sharedPostgres(t)
  const url = await server.createDatabase()
  const replicas = await Promise.all(
    [1, 2, 3].map(async () => {
      const database = await connectPostgres(url, longTimeouts)
      t.teardown(() => database.close())
      await migrate(database, 'rooms', migrations)
      return buildSessions(t, database, { loginsPerMinute: 1000 })
    }),
  )
  const [first] = replicas
  for (let gateway = 0; gateway < 10; gateway++) await first?.client.renew(`g${gateway}`, { fresh: true })
  for (let round = 0; round < 10; round++) {
    const spellings = [`Ada ${round}`, `АDA ${round}`, `ada${round}`]
    const answers = await Promise.all(
      [...Array(50)].map(async (_, index) => {
        const { app, claim } = replicas[index % 3] as (typeof replicas)[number]
        const name = spellings[index % spellings.length] as string
        if (index % 2 === 0) return 'user' in ((await claim(`g${index % 10}`, name)) ?? {})
        const reply = await app.inject({ method: 'POST', url: '/api/session', payload: { name } })
        return reply.statusCode === 201
      }),
    )
    t.equal(answers.filter(Boolean).length, 1, `round ${round}`)
  }
})
