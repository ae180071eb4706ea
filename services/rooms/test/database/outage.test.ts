import { createManualClock } from '@rabble/clock/manual'
import { connectPostgres } from '@rabble/database'
import { inForm, startPostgres, until } from '@rabble/harness'
import t from 'tap'
import type { Seat } from '../../src/client.ts'
import { isReady, makeRoom, presenceOf, seatsIn, startReplica, timeout, userOf } from '../build.ts'
import { longTimeouts } from '../databases.ts'

const takes = (room: string, ...users: string[]) => ({
  take: users.map((user) => ({ room, user: userOf(user) })),
  give: [],
})
const server = await startPostgres(t)
const unavailable = { message: /503.*unavailable/ }

t.test('after a crash of PostgreSQL everything is taken anew, and counts go on', async (t) => {
  const database = await connectPostgres(await server.createDatabase())
  t.teardown(() => database.close())
  const replica = await startReplica(t, database)
  await makeRoom(database, 'tea', { capacity: 2 })
  const [g1, g2] = [replica.client(), replica.client()]
  for (let round = 0; round < inForm(1, 2); round++) {
    await g1.renew('g1', { fresh: true })
    await g2.renew('g2', { fresh: true })
    await g1.seats('g1', takes('tea', 'ada'))
    const [before] = (await g2.seats('g2', takes('tea', 'bob'))) as Seat[]
    t.equal(before?.count, 2)
    await server.kill()
    await t.rejects(g1.seats('g1', takes('tea', 'eve')), unavailable)
    await t.rejects(g1.renew('g1', { fresh: false }), unavailable)
    await t.rejects(g1.members('tea', 10), unavailable)
    t.equal(await isReady(replica.app), false)
    await server.restart()
    await until(() => isReady(replica.app), timeout, 'rooms to be ready')
    t.equal(await g1.renew('g1', { fresh: false }), undefined, 'the lease is lost')
    t.equal(await g1.seats('g1', takes('tea', 'ada')), undefined)
    await g1.renew('g1', { fresh: true })
    const [after] = (await g1.seats('g1', takes('tea', 'ada'))) as Seat[]
    t.equal(after?.count, 1)
    t.ok((after?.version ?? 0) > (before?.version ?? 0), 'the count of now is the newer one')
  }
  const versions = presenceOf(replica.told, 'tea').map(({ version }) => version)
  t.same(
    versions,
    [...versions].sort((a, b) => a - b),
  )
})

t.test('without PostgreSQL at the start it lives, and works once that is there', async (t) => {
  const database = await connectPostgres(await server.createDatabase())
  t.teardown(() => database.close())
  await server.kill()
  const replica = await startReplica(t, database, { wait: false })
  const client = replica.client()
  await t.rejects(client.renew('g1', { fresh: true }), unavailable)
  t.equal((await replica.app.inject('/livez')).statusCode, 200)
  t.equal((await replica.app.inject('/api/rooms/tea/members')).statusCode, 503)
  await server.restart()
  await until(() => isReady(replica.app), timeout, 'rooms to be ready')
  t.ok(await client.renew('g1', { fresh: true }))
})

t.test('rooms is not ready while a table is locked, or while nothing can be written', async (t) => {
  const address = await server.createDatabase()
  const open = async (options = {}) => {
    const database = await connectPostgres(address, options)
    t.teardown(() => database.close())
    return database
  }
  const [other, database] = [await open(), await open({ statementTimeout: 200 })]
  const clock = createManualClock()
  const replica = await startReplica(t, database, { clock })
  /** Waits for the end of a periodic job of the service. The server ends a transaction that is idle for 5 seconds. */
  const readiness = (wanted: RegExp, query = other.query) =>
    until(
      async () => {
        await query('select 1')
        await clock.advance(5_000)
        const { checks } = (await replica.app.inject('/readyz')).json<{ checks: { tables: string } }>()
        return wanted.test(checks.tables)
      },
      timeout,
      `readiness to say ${wanted}`,
    )
  for (const table of ['leases', 'rooms', 'invitations']) {
    await other.transaction(async (query) => {
      await query(`lock table rooms.${table} in share mode`)
      await readiness(/fails: canceling statement due to statement timeout/, query)
      t.equal(await isReady(replica.app), false, table)
    })
    await readiness(/^ok$/)
  }
  const name = new URL(address).pathname.slice(1)
  const readOnly = async (on: boolean) => {
    await other.query(
      `begin read write; alter database ${name} set default_transaction_read_only = ${on}; commit`,
    )
    const end = 'select pg_terminate_backend(pid) from pg_stat_activity'
    await other.query(`${end} where datname = $1 and pid <> pg_backend_pid()`, [name])
  }
  await readOnly(true)
  await readiness(/fails: cannot execute .* in a read-only transaction/)
  await readOnly(false)
  await readiness(/^ok$/)
})

t.test(
  'while PostgreSQL is frozen all is refused soon, and nothing of it is done when it wakes',
  async (t) => {
    const database = await connectPostgres(await server.createDatabase(), longTimeouts)
    t.teardown(() => database.close())
    const replica = await startReplica(t, database, { deadline: 4_000 })
    const client = replica.client()
    await client.renew('g1', { fresh: true })
    await client.seats('g1', takes('tea', 'ada'))

    server.freeze()
    const direct = database.query('select 1', [])
    const asked = [
      ...Array.from({ length: 300 }, (_, n) => client.seats('g1', takes('tea', `user-${n}`))),
      client.renew('g1', { fresh: false }),
      client.members('tea', 10),
      client.end('g2'),
    ]
    const answers = await Promise.allSettled(asked)
    const others = answers.filter(
      (answer) => answer.status === 'fulfilled' || !unavailable.message.test(String(answer.reason)),
    )
    t.same(others, [], 'all are refused')
    server.thaw()
    await direct
    await until(
      async () => (await client.renew('g1', { fresh: false })) !== undefined,
      timeout,
      'renewals to work',
    )
    t.match(await client.seats('g1', takes('tea', 'bob')), [{ count: 2 }])
    // The first in the queue had their connection when it woke, and found that nobody waited for them.
    t.same((await seatsIn(database)).seats, ['tea ada g1', 'tea bob g1'])
  },
)
