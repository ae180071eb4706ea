import { createManualClock } from '@rabble/clock/manual'
import { AuditReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { until } from '@rabble/harness'
import type { Test } from 'tap'
import { trimAudit } from '../../src/audit/audit.ts'
import { type MakeDatabase, onBoth } from '../databases.ts'
import { ada, buildApi, eve, mona } from '../room-api.ts'
import { asking, buildSessions } from '../session-api.ts'

async function build(t: Test, make: MakeDatabase, options: Parameters<typeof buildSessions>[2] = {}) {
  const database = await make(t)
  const api = await buildSessions(t, database, { loginsPerMinute: 1000, ...options })
  return { ...api, database, ask: asking(api) }
}

await onBoth(async (t, make) => {
  await t.test('everything that was done is in the audit, for moderators only', async (t) => {
    const { as, client, database } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'general', capacity: 5 })
    await as(ada, 'PATCH /api/rooms/general', { topic: 'new' })
    for (let twice = 0; twice < 2; twice++) await as(ada, 'PUT /api/rooms/general/invitations/bob')
    await as(ada, 'DELETE /api/rooms/general/invitations/bob')
    await as(ada, 'POST /api/moderation/kicks', { user: 'eve', room: 'general', reason: 'enough' })
    const { id: ban } = (await as(mona, 'POST /api/moderation/bans', { user: 'eve', seconds: 60 })).body
    await as(mona, `DELETE /api/moderation/bans/${ban}`)
    const { id: mute } = (await as(ada, 'POST /api/moderation/mutes', { user: 'eve', room: 'general' })).body
    await as(ada, `DELETE /api/moderation/mutes/${mute}`)
    await as(ada, 'DELETE /api/rooms/general')
    await as(eve, 'DELETE /api/rooms/general')
    await as(eve, 'POST /api/moderation/bans', { user: 'ada' })
    const refused = {
      actor: { id: '', name: 'a\0b\ud800' },
      action: 'login.refused',
      detail: { code: 'name-taken' },
    }
    const long = { actor: ada, action: 'publish', room: '*', detail: { text: 'x'.repeat(10_000) } }
    await client.audit([refused, long])

    const { status, body } = await as(mona, 'GET /api/audit')
    t.equal(status, 200)
    t.ok(Value.Check(AuditReply, body))
    if (!Value.Check(AuditReply, body)) return
    const general = { room: 'general' }
    t.match(body.entries.toReversed(), [
      { actor: ada, action: 'room.create', ...general, detail: { capacity: 5 } },
      { actor: ada, action: 'room.change', ...general, detail: { topic: 'new' } },
      { actor: ada, action: 'invite', ...general, user: 'bob' },
      { actor: ada, action: 'uninvite', ...general, user: 'bob' },
      { actor: ada, action: 'kick', ...general, user: 'eve', detail: { reason: 'enough' } },
      { actor: mona, action: 'ban', user: 'eve', detail: { id: ban, seconds: 60 } },
      { actor: mona, action: 'unban', user: 'eve', detail: { id: ban } },
      { actor: ada, action: 'mute', ...general, user: 'eve' },
      { actor: ada, action: 'unmute', ...general, user: 'eve' },
      { actor: ada, action: 'room.delete', ...general },
      { actor: { id: '', name: 'a\ufffdb\ufffd' }, action: 'login.refused', detail: { code: 'name-taken' } },
      { actor: ada, action: 'publish', room: '*', detail: { tooLong: 10_011 } },
    ])
    t.equal(body.entries.length, 12)

    const actions = async (query: string) => {
      const page = (await as(mona, `GET /api/audit?${query}`)).body
      return Value.Check(AuditReply, page) ? page.entries.map(({ action }) => action) : page
    }
    t.same(await actions('user=bob'), ['uninvite', 'invite'])
    t.same(await actions('actor=mona'), ['unban', 'ban'])
    t.same(await actions('room=*'), ['publish'])
    t.same(await actions('action=kick&room=general'), ['kick'])
    t.same(await actions('limit=2'), ['publish', 'login.refused'])
    t.same(await actions(`limit=1&before=${body.entries[1]?.id}`), ['room.delete'])
    t.equal((await as(mona, 'GET /api/audit?limit=11')).body.hasMore, true)
    t.equal((await as(ada, 'GET /api/audit')).status, 403)
    t.equal((await as(undefined, 'GET /api/audit')).status, 401)

    await database.query(
      "update rooms.audit set at = now() - interval '9 days' where action like 'room.%'",
      [],
    )
    t.equal(await trimAudit(database, 8), 3)
    t.same(await actions('room=general'), ['unmute', 'mute', 'kick', 'uninvite', 'invite'])
  })

  t.test('why nobody was let in is audited, whatever the reason', async (t) => {
    for (const guests of [true, false]) {
      const { ask, app, tokens } = await build(t, make, { guests, loginsPerMinute: 2 })
      await ask('POST', { name: 'Eve' }, { origin: 'https://evil.example' })
      await ask('POST', { name: 'Eve' })
      await ask('POST', { name: 'Eve' })
      const mona = await tokens.sign({ id: 'mona', name: 'Mona' }, 60, ['moderator'])
      let entries: { detail: Record<string, unknown> }[] = []
      const told = async () => {
        const reply = await app.inject({
          url: '/api/audit?action=login.refused',
          headers: { authorization: `Bearer ${mona}` },
        })
        entries = reply.json().entries
        return entries.length === (guests ? 2 : 3)
      }
      await until(told, 60_000, 'moderators to be able to read it')
      const codes = entries.map(({ detail }) => [detail.code, detail.name])
      const foreign = ['forbidden', 'Eve']
      const guest = guests ? [] : [['forbidden', 'Eve']]
      t.same(codes, [['rate-limited', undefined], ...guest, foreign])
    }
  })

  t.test('refused logins are audited, not more than some a second, and no token among them', async (t) => {
    const clock = createManualClock()
    const { ask, app, tokens, database } = await build(t, make, { clock })
    const token = await tokens.sign({ id: 'ada', name: 'Ada' }, -1)
    t.equal((await ask('GET', undefined, { authorization: `Bearer ${token}` })).status, 401)
    await ask('POST', { name: 'Ada' })
    await Promise.all(Array.from({ length: 30 }, () => ask('POST', { name: 'ADA' })))
    await clock.advance(1_000)
    await ask('POST', { name: 'ADA' })
    const mona = await tokens.sign({ id: 'mona', name: 'Mona' }, 60, ['moderator'])
    let entries: { detail: Record<string, unknown> }[] = []
    const told = async () => {
      const reply = await app.inject({
        url: '/api/audit?action=login.refused&limit=500',
        headers: { authorization: `Bearer ${mona}` },
      })
      entries = reply.json().entries
      return entries.length === 21
    }
    await until(told, 60_000, 'them to be written')
    const taken = { code: 'name-taken', name: 'ADA' }
    const details = entries.map(({ detail: { address: _, ...detail } }) => detail).reverse()
    t.strictSame(details, [
      { code: 'unauthorized' },
      ...Array.from({ length: 19 }, () => taken),
      { ...taken, leftOut: 11 },
    ])
    t.equal(entries[0]?.detail.address, '192.0.2.1')
    const all = JSON.stringify(await database.query('select * from rooms.audit', []))
    t.notOk(all.includes(token))
  })
})
