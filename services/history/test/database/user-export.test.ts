import { type PersonalEvent, UserExportLine } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { until } from '@rabble/harness'
import { sentBy } from '../../src/messages/sent.ts'
import { fromSender } from '../../src/search/search-document.ts'
import { build, timeout, tokens } from '../build.ts'
import { deletion, edit, reaction } from '../change.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'
import { createFakeUsers, record } from '../users.ts'
import { index, write } from '../write.ts'

const path = '/api/users/ada/export'
const bob = { id: 'bob', name: 'Bob' }
const at = '2026-11-22T10:00:00.000Z'
const own = { at, via: 'gateway-1' }
const enter = (id: string, user: string, room = 'general'): PersonalEvent => ({
  type: 'membership',
  id,
  user,
  room,
  member: true,
  ...own,
})
/** Events of Ada and Bob. */
const events = [
  enter('e1', 'ada'),
  enter('e2', 'bob'),
  message('a1'),
  message('b1', { from: bob, text: 'of Bob, to @ada', mentions: ['ada'] }),
  message('a2', { room: 'dm:ada:bob', text: 'for Bob alone' }),
  message('b2', { room: 'dm:ada:bob', from: bob, text: 'for Ada alone' }),
  message('a3', { text: 'to be edited' }),
  message('a4', { text: 'to be deleted' }),
  reaction('r1', 'b1'),
  reaction('r2', 'b1', { emoji: '🎉' }),
  reaction('r3', 'b1', { emoji: '🎉', revision: 2 }),
  reaction('r4', 'a1', { from: bob }),
  edit('x1', 'a3', { text: 'edited' }),
  deletion('x2', 'a4'),
  { type: 'read', id: 'x3', user: 'ada', room: 'general', upTo: 'b1', ...own },
  { type: 'privacy', id: 'x5', user: 'ada', room: 'user:ada', receipts: false, ...own },
  { type: 'seen', id: 'x6', user: 'ada', room: 'user:ada', ...own },
  { type: 'mute', id: 'x4', user: 'ada', room: 'general', muted: true, ...own },
] as const

await onBoth(async (t, databases) => {
  await t.test('an export has all that is stored of the user, and nothing that others wrote', async (t) => {
    const database = await databases.empty(t)
    const log = createMemoryLog()
    const users = createFakeUsers()
    const app = build(t, { log, database, users })
    await until(async () => (await app.inject('/readyz')).statusCode === 200, timeout, 'history to be ready')
    log.append(...events)
    const ask = async (user: string, roles: string[] = [], of = path) => {
      const token = await tokens.sign({ id: user, name: user }, 3600, roles)
      return app.inject({ url: of, headers: { authorization: `Bearer ${token}` } })
    }
    await until(
      async () => (await ask('ada')).payload.includes('"muted":true'),
      timeout,
      'history to have all events',
    )
    const reply = await ask('ada')
    t.equal(reply.statusCode, 200)
    t.equal(reply.headers['content-type'], 'application/x-ndjson; charset=utf-8')
    t.equal(reply.headers['content-disposition'], 'attachment; filename="ada.ndjson"')
    t.equal(reply.headers['cache-control'], 'no-store')
    const lines: UserExportLine[] = reply.payload
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    t.same(
      lines.filter((line) => !Value.Check(UserExportLine, line)),
      [],
      'each line is as its schema says',
    )
    t.match(lines[0], {
      type: 'user',
      id: 'ada',
      exportedAt: String,
      ...record,
      receipts: false,
      presence: true,
      lastSeen: at,
    })
    const [, ...rest] = lines
    t.match(rest, [
      { type: 'conversation', room: 'dm:ada:bob', readUpTo: 'a2', muted: false },
      { type: 'conversation', room: 'general', readUpTo: 'a4', muted: true },
      { type: 'message', id: 'a1', text: 'text of a1', reactions: [{ emoji: '👍', users: ['bob'] }] },
      { type: 'message', id: 'a2', text: 'for Bob alone' },
      { type: 'message', id: 'a3', text: 'edited' },
      { type: 'message', id: 'a4', text: '', deleted: { by: { id: 'ada' } } },
      { type: 'reaction', room: 'general', message: 'b1', emoji: '👍' },
      { type: 'end', conversations: 2, messages: 4, reactions: 1, reports: 0 },
    ])
    t.equal(rest.length, 8)
    t.notMatch(reply.payload, /of Bob|for Ada alone/)
    t.same(users.audited, [], 'nobody else has asked')
    t.match(
      (await ask('eve', [], '/api/users/eve/export')).payload,
      /^\{"type":"user".*\n\{"type":"end".*:0\}\n$/,
    )

    t.equal((await app.inject(path)).statusCode, 401)
    t.equal((await ask('eve')).statusCode, 403)
    for (const roles of [['moderator'], ['direct-reader', 'service']]) {
      t.match((await ask('mona', roles)).json(), { code: 'forbidden' }, 'direct messages are in it')
    }
    t.equal((await ask('mona', ['moderator', 'direct-reader'])).statusCode, 200)
    t.match(users.audited, [{ actor: { id: 'mona' }, action: 'user.export', user: 'ada' }])
    t.match((await ask('ada', [], '/api/users/a%20b/export')).json(), { statusCode: 400, code: 'bad-frame' })

    users.tooMuch = true
    t.match((await ask('ada')).json(), { statusCode: 413, code: 'too-large' }, 'never a part for the whole')
    users.down = true
    t.match((await ask('ada')).json(), { statusCode: 503, code: 'unavailable' })
    await database.query('drop table history.reactions')
    users.down = users.tooMuch = false
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    const token = await tokens.sign({ id: 'ada', name: 'Ada' }, 3600)
    const broken = await fetch(address + path, { headers: { authorization: `Bearer ${token}` } })
    await t.rejects(broken.text(), /terminated|aborted|closed/, 'a failure on the way breaks the answer off')
  })

  await t.test('messages are found however far the search index is', async (t) => {
    const database = await databases.migrated(t)
    const written: string[] = []
    const say = async (first: number, count: number, partition = 0) => {
      const both = Array.from({ length: count }, (_, n) => [
        message(`a${first + n}`, { room: `p${partition}` }),
        message(`b${first + n}`, { room: `p${partition}`, from: bob }),
      ])
      await write(database, partition, both.flat())
      written.push(...both.map(([own]) => own?.id ?? ''))
    }
    const found = async () => {
      const ids: string[] = []
      for await (const rows of sentBy(database, 'ada', fromSender('ada'), (work) => work())) {
        t.ok(rows.length <= 500)
        ids.push(...rows.map(({ id }) => id))
      }
      return ids
    }
    await say(0, 600)
    t.same(await found(), written, 'nothing is indexed')
    await index(database)
    t.same(await found(), written, 'everything is')
    await write(database, 0, [edit('x1', 'a7', { room: 'p0' }), deletion('x2', 'a8', { room: 'p0' })])
    t.same(await found(), written, 'two have changed, and are not indexed again yet')
    await say(600, 10)
    await say(1_000, 5, 1)
    t.same(await found(), written, 'some are new')
    await index(database)
    t.same(await found(), written)
    const partial = sentBy(database, 'ada', fromSender('ada'), (work) => work())
    await partial.next()
    await say(2_000, 5)
    const rest: string[] = []
    for await (const rows of partial) rest.push(...rows.map(({ id }) => id))
    t.notMatch(rest.join(), 'a2000', 'what follows the first read is not part of it')
  })
})
