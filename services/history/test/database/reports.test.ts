import type { MessageEvent } from '@rabble/contract'
import { ReportsReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import type { Test } from 'tap'
import { maxOpen, trimReports } from '../../src/reports/reports.ts'
import { build, timeout, tokens } from '../build.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'
import { createFakeUsers } from '../users.ts'
import { write } from '../write.ts'

const secret = { room: 'dm:ada:bob' }

/** Starts history with these messages. */
async function start(t: Test, database: Database, events: readonly MessageEvent[]) {
  const users = createFakeUsers()
  const app = build(t, { log: createMemoryLog(), database, users })
  await until(async () => (await app.inject('/readyz')).statusCode === 200, timeout, 'history to be ready')
  await write(database, 0, [...events])
  /** Asks as a user; a name in capitals is a moderator's. */
  const ask = async (user: string, method: 'GET' | 'POST' | 'PATCH', path = '', payload?: object) => {
    const id = user.toLowerCase()
    const token = await tokens.sign({ id, name: `Name of ${id}` }, 3600, user === id ? [] : ['moderator'])
    const reply = await app.inject({
      method,
      url: `/api/reports${path}`,
      headers: { authorization: `Bearer ${token}` },
      ...(payload && { payload }),
    })
    return { status: reply.statusCode, body: reply.body === '' ? undefined : reply.json() }
  }
  const reportAs = (user: string, of: string, more: object = {}) =>
    ask(user, 'POST', '', { room: 'general', message: of, ...more })
  const list = async (query = '') => (await ask('MONA', 'GET', query)).body
  return { app, users, ask, reportAs, list }
}

await onBoth(async (t, databases) => {
  await t.test('moderators get each reported message as it was, until one of them closes it', async (t) => {
    const database = await databases.migrated(t)
    const { app, users, ask, reportAs, list } = await start(t, database, [
      message('a1', { text: 'Buy my hats' }),
      message('a2', secret),
    ])
    const first = await reportAs('bob', 'a1', { reason: 'spam' })
    t.equal(first.status, 201)
    t.same((await reportAs('bob', 'a1', { reason: 'again' })).body, first.body, 'a report is made once')
    await reportAs('cleo', 'a1')
    t.equal((await reportAs('bob', 'a2', secret)).status, 201, 'a direct message by its receiver')
    await write(database, 0, [edit('x1', 'a1', { text: 'Good morning' }), deletion('x2', 'a2', secret)])

    const open: ReportsReply = await list()
    t.ok(Value.Check(ReportsReply, open))
    const from = { id: 'ada', name: 'Ada' }
    t.match(open, {
      reports: [
        {
          room: 'general',
          message: { id: 'a1', from, text: 'Buy my hats' },
          reason: 'spam',
          by: { id: 'bob' },
        },
        { message: { id: 'a1' }, reason: '', by: { id: 'cleo', name: 'Name of cleo' } },
        { room: 'dm:ada:bob', message: { id: 'a2', text: 'text of a2' } },
      ],
      hasMore: false,
    })
    const [one, two, three] = open.reports
    t.match(await list('?limit=1'), { reports: [{ id: one?.id }], hasMore: true })
    t.match(await list(`?limit=1&after=${one?.id}`), { reports: [{ id: two?.id }], hasMore: true })
    t.match(await list('?room=dm:ada:bob&user=ada'), { reports: [{ id: three?.id }], hasMore: false })
    t.same((await list('?user=bob')).reports, [])

    users.down = true
    const close = (id = one?.id) => ask('MONA', 'PATCH', `/${id}`, { outcome: 'acted' })
    t.match(await close(), { status: 503, body: { code: 'unavailable' } })
    users.down = false
    t.equal((await list()).reports.length, 3, 'nothing is closed that is not in the audit')
    t.equal((await close()).status, 204)
    t.match(await close(), { status: 404 }, 'a second moderator hears that it is closed')
    t.match(await close(two?.id), { status: 404 }, 'all reports about the message are')
    t.match(users.audited, [
      {
        actor: { id: 'mona' },
        action: 'report.close',
        room: 'general',
        user: 'ada',
        detail: { message: 'a1' },
      },
    ])
    t.match(await list(), { reports: [{ id: three?.id }] })
    const closed = { outcome: 'acted', by: { id: 'mona', name: 'Name of mona' } }
    t.match(await list('?state=closed'), {
      reports: [
        { id: one?.id, closed },
        { id: two?.id, closed },
      ],
    })
    t.same((await reportAs('bob', 'a1')).body, first.body, 'nor is it opened again by the same user')
    t.equal((await list()).reports.length, 1)

    const token = await tokens.sign({ id: 'bob', name: 'Bob' }, 3600)
    const headers = { authorization: `Bearer ${token}` }
    const { payload } = await app.inject({ url: '/api/users/bob/export', headers })
    t.match(payload, /\{"type":"report","room":"general","message":"a1","reason":"spam","at":"[^"]+"\}/)
    t.match(payload, /"reports":2\}\n$/)
  })

  await t.test('no report is taken that nobody could make or read', async (t) => {
    const database = await databases.migrated(t)
    const many = Array.from({ length: maxOpen.each + 1 }, (_, n) => message(`m${n}`))
    const { app, ask, reportAs } = await start(t, database, [
      ...many,
      message('gone'),
      message('private', secret),
    ])
    await write(database, 0, [deletion('x1', 'gone')])
    const refused: [string, Promise<unknown>, number, string][] = [
      ['an own message', reportAs('ada', 'm0'), 400, 'bad-frame'],
      ['another message than one', reportAs('bob', 'nothing'), 404, 'not-found'],
      ['a message of another room', reportAs('bob', 'm0', { room: 'tea' }), 404, 'not-found'],
      ['a deleted message', reportAs('bob', 'gone'), 404, 'not-found'],
      ['a message for others', reportAs('cleo', 'private', secret), 403, 'forbidden'],
      ['a reason of two lines', reportAs('bob', 'm0', { reason: 'a\nb' }), 400, 'bad-frame'],
      ['a list for others than moderators', ask('bob', 'GET'), 403, 'forbidden'],
      ['an answer by others', ask('bob', 'PATCH', '/1', { outcome: 'acted' }), 403, 'forbidden'],
      ['another outcome', ask('MONA', 'PATCH', '/1', { outcome: 'ok' }), 400, 'bad-frame'],
    ]
    for (const [what, answer, status, code] of refused)
      t.match(await answer, { status, body: { code } }, what)
    t.equal((await app.inject('/api/reports')).statusCode, 401)

    for (let n = 0; n < maxOpen.each; n++) t.equal((await reportAs('bob', `m${n}`)).status, 201)
    t.match(await reportAs('bob', `m${maxOpen.each}`), { status: 429, body: { code: 'rate-limited' } })
    t.equal((await reportAs('bob', 'm0')).status, 201, 'one that was made')
    t.equal((await reportAs('cleo', 'm0')).status, 201, 'others are not kept from it')
    await ask('MONA', 'PATCH', '/1', { outcome: 'dismissed' })
    t.equal((await reportAs('bob', `m${maxOpen.each}`)).status, 201)
    await database.query(
      `insert into history.reports (message, room, author_id, author_name, text, reporter_id, reporter_name, reason)
       select n, 'general', 'ada', 'Ada', '', n, '', '' from generate_series(1, ${maxOpen.all}) n`,
    )
    t.match(await reportAs('eve', 'm0'), { status: 413, body: { code: 'too-large' } })
  })

  await t.test('old reports are deleted', async (t) => {
    const database = await databases.migrated(t)
    const { ask, reportAs } = await start(
      t,
      database,
      ['a', 'b', 'c'].map((id) => message(id)),
    )
    for (const id of ['a', 'b', 'c']) await reportAs('bob', id)
    await ask('MONA', 'PATCH', '/1', { outcome: 'acted' })
    const age = (column: string, id: number, days: number) =>
      database.query(`update history.reports set ${column} = now() - $2 * interval '1 day' where id = $1`, [
        id,
        days,
      ])
    await age('closed_at', 1, 29)
    await age('reported_at', 2, 89)
    t.equal(await trimReports(database), 0)
    await age('closed_at', 1, 31)
    await age('reported_at', 2, 91)
    t.equal(await trimReports(database), 2)
    const left = await database.query('select message from history.reports')
    t.same(left, [{ message: 'c' }])
  })
})
