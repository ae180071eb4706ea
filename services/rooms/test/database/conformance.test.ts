import type { User } from '@rabble/contract'
import { connectPostgres, type Database } from '@rabble/database'
import { sharedPostgres, until } from '@rabble/harness'
import t from 'tap'
import { auditOf } from '../../src/audit/audit.ts'
import { inProcess } from '../../src/client.ts'
import {
  type ReadersFixture,
  type RoomsFixture,
  testRoomsClient,
  testRoomsClientOfHistory,
} from '../../src/conformance/index.ts'
import { forgetPolicies } from '../../src/policies/policies.ts'
import { internalTokens, startReplica, type Told, timeout, tokens } from '../build.ts'
import { longTimeouts } from '../databases.ts'

const moderator: User = { id: 'mona', name: 'Mona' }

/** Empties the tables, so that a running service is like new. */
async function empty(database: Database): Promise<void> {
  const tables = [
    ...['leases', 'seats', 'presence', 'rooms', 'invitations', 'name_holders', 'names', 'sessions'],
    ...['restrictions', 'policies', 'audit', 'former'],
  ]
  const truncate = `truncate ${tables.map((table) => `rooms.${table}`).join(', ')}`
  // Repeated, since a job of the service may lock the tables in another order.
  await until(() => database.query(truncate, []).then(() => true), timeout, 'the tables to be empty')
  await database.query('update rooms.policy_version set version = 0, forgotten = 0', [])
}

// Only over one database: other tests run over both, and PGlite costs several times as much.
const server = await sharedPostgres(t)
const database = await connectPostgres(await server.createDatabase(), longTimeouts)
t.teardown(() => database.close())
const told: Told = { signals: [], events: [] }
// One service for all tests: opening one for each would take most of the time.
const replica = await startReplica(t, database, { told, leaseTimes: { sweep: 50, grace: 0 } })
const { app } = replica
const token = await tokens.sign(moderator, 3600, ['moderator'])

/** Makes a request, such as `POST /api/rooms`; default: as a moderator. */
async function ask<Answer>(request: string, payload?: object, by = token): Promise<Answer> {
  const [method, url = ''] = request.split(' ') as ['POST' | 'PUT' | 'DELETE', string]
  const headers = { authorization: `Bearer ${by}` }
  const reply = await app.inject({ method, url, headers, ...(payload && { payload }) })
  if (reply.statusCode > 299) throw new Error(`${request}: ${reply.statusCode} ${reply.payload}`)
  return (reply.payload === '' ? undefined : reply.json()) as Answer
}

function createRoom(name: string, settings: object): Promise<void> {
  return ask('POST /api/rooms', { name, ...settings })
}

async function makeFixture(): Promise<RoomsFixture> {
  await empty(database)
  const before = told.signals.length
  return {
    client: inProcess(app, internalTokens, { timeout }),
    get signals() {
      return told.signals.slice(before)
    },
    async audited() {
      const { entries } = await auditOf(database, { limit: 1_000 })
      return entries.reverse().map(({ id: _, at: __, ...entry }) => entry)
    },
    verify: (token) => tokens.verify(token),
    async createRoom(name, { inviteOnly, owner, ...rules }) {
      const by = owner === undefined ? token : await tokens.sign({ id: owner, name: owner }, 3600)
      await ask('POST /api/rooms', { name, ...rules, ...(inviteOnly && { access: 'invite' }) }, by)
    },
    deleteRoom: (name) => ask(`DELETE /api/rooms/${name}`),
    async restrict({ kind, ...restriction }) {
      const { id } = await ask<{ id: number }>(`POST /api/moderation/${kind}s`, restriction)
      return () => ask(`DELETE /api/moderation/${kind}s/${id}`)
    },
    kick: (kick) => ask('POST /api/moderation/kicks', kick),
    async expire(gateway) {
      const swept = await replica.value('rabble_rooms_swept_leases_total')
      await database.query(
        `update rooms.leases set expires_at = now() - interval '1 second' where gateway = $1`,
        [gateway],
      )
      // Counted after gateways were told.
      await until(
        async () => (await replica.value('rabble_rooms_swept_leases_total')) > swept,
        timeout,
        'the end',
      )
    },
    async forget() {
      await database.query(`update rooms.policies set changed_at = now() - interval '2 days'`, [])
      await forgetPolicies(database)
    },
  }
}

async function makeReadersFixture(): Promise<ReadersFixture> {
  await empty(database)
  return {
    client: inProcess(app, internalTokens, { timeout }),
    createRoom: (name, { inviteOnly, retention: { maxAge, maxMessages } = {} }) =>
      createRoom(name, {
        ...(inviteOnly && { access: 'invite' }),
        retention: {
          ...(maxAge !== undefined && { days: maxAge / (24 * 60 * 60 * 1000) }),
          ...(maxMessages !== undefined && { messages: maxMessages }),
        },
      }),
    invite: (room, user) => ask(`PUT /api/rooms/${room}/invitations/${user}`),
    ban: (user, room) => ask('POST /api/moderation/bans', { user, ...(room !== undefined && { room }) }),
  }
}

await t.test('what gateways ask', async (t) => testRoomsClient(t, makeFixture))
await t.test('what history asks', async (t) => testRoomsClientOfHistory(t, makeReadersFixture))
