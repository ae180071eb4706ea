import { systemClock } from '@rabble/clock'
import { type ChatEvent, erasedUserName, type LogEvent, type PersonalEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { createMetrics } from '../../src/index.ts'
import { startErasing } from '../../src/jobs/erasing.ts'
import { conversationsOf } from '../../src/messages/conversations.ts'
import { replayOf } from '../../src/messages/replay.ts'
import { saveSubscription } from '../../src/push/subscriptions.ts'
import { report } from '../../src/reports/reports.ts'
import { allOf, ingestOf, logger, timeout, waitForOffset } from '../build.ts'
import { deletion, edit, reaction, wholeOf } from '../change.ts'
import { onBoth } from '../databases.ts'
import { idsFound } from '../found.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'
import { createFakeUsers } from '../users.ts'
import { index } from '../write.ts'

const bob = { id: 'bob', name: 'Bob' }
const own = { at: '2026-11-22T10:00:00.000Z', via: 'gateway-1' }
const enter = (id: string, user: string): PersonalEvent => ({
  type: 'membership',
  id,
  user,
  room: 'general',
  member: true,
  ...own,
})
const readable = async (_user: string, rooms: readonly string[]) => new Set(rooms)

/** Starts an ingest over a log with these events, and a rooms service that names nobody yet. */
async function start(t: Test, database: Database, events: readonly (ChatEvent | PersonalEvent)[]) {
  const log = createMemoryLog()
  log.append(...events)
  ingestOf(t, log, database)
  await waitForOffset(database, 0)
  await index(database)
  const users = createFakeUsers()
  const published: LogEvent[] = []
  /** Number of publishes that succeed; the others fail. */
  const budget = { left: Number.POSITIVE_INFINITY }
  const metrics = createMetrics(new Registry(), systemClock)
  const begin = () => {
    const erasing = startErasing({
      clock: systemClock,
      database,
      log: {
        async publish(event) {
          if (budget.left-- <= 0) throw new Error('the log is down')
          published.push(event)
          log.append(event)
        },
      },
      users,
      metrics,
      logger,
      migrated: () => true,
    })
    t.teardown(() => erasing.close())
    return erasing
  }
  const errors = async () => (await metrics.erasingErrors.get()).values[0]?.value ?? 0
  const done = () => until(() => users.due.length === 0, timeout, 'the user to be erased')
  return { log, users, published, budget, begin, errors, done }
}

await onBoth(async (t, databases) => {
  await t.test(
    'what a user wrote, read and reacted to is gone, and what others did is as before',
    async (t) => {
      const database = await databases.migrated(t)
      const { users, published, begin, done } = await start(t, database, [
        enter('e1', 'ada'),
        enter('e2', 'bob'),
        message('a1', { text: 'first secret', meta: { html: '<b>first secret</b>' } }),
        message('b1', { from: bob, text: 'of Bob, for Ada', mentions: ['ada'] }),
        message('a2', { text: 'second secret' }),
        edit('x1', 'a2', { text: 'second secret, edited' }),
        message('a3', { text: 'third secret' }),
        deletion('x2', 'a3'),
        message('a4', { room: 'dm:ada:bob', text: 'fourth secret' }),
        message('b2', { room: 'dm:ada:bob', from: bob, text: 'an answer' }),
        reaction('r1', 'b1'),
        reaction('r2', 'b1', { from: bob }),
        reaction('r3', 'b1', { emoji: '🎉' }),
        reaction('r4', 'b1', { emoji: '🎉', revision: 2 }),
        message('a5', { text: 'last secret' }),
        { type: 'privacy', id: 'p1', user: 'ada', room: 'user:ada', receipts: false, ...own },
        { type: 'seen', id: 's1', user: 'ada', room: 'user:ada', ...own },
      ])
      t.same(await idsFound(database, 'secret', { scope: { user: 'bob' } }).then((ids) => ids.length), 4)
      const keys = { p256dh: 'p', auth: 'a' }
      for (const user of ['ada', 'bob']) {
        await saveSubscription(database, user, { endpoint: `https://push.example/${user}`, ...keys })
      }
      const about = { room: 'general', reason: '' }
      await report(database, { ...about, message: 'a1', reporter: bob })
      await report(database, { ...about, message: 'b1', reporter: { id: 'ada', name: 'Ada' } })
      await report(database, { ...about, message: 'b1', reporter: { id: 'cleo', name: 'Cleo' } })
      users.due = [{ user: 'ada', age: 10_000 }]
      begin()
      await done()

      const gone = {
        from: { id: 'ada', name: erasedUserName },
        text: '',
        deleted: { by: { id: 'ada', name: erasedUserName } },
      }
      const general = await allOf(database)
      t.match(general, [gone, { id: 'b1', from: bob, text: 'of Bob, for Ada' }, gone, gone, gone])
      t.same(general[1]?.reactions, [{ emoji: '👍', count: 1, users: ['bob'] }])
      t.match(await allOf(database, 'dm:ada:bob'), [gone, { id: 'b2', text: 'an answer' }])
      await index(database)
      t.same(await idsFound(database, 'secret', { scope: { user: 'bob' } }), [])
      t.same(await idsFound(database, 'answer', { scope: { user: 'bob' } }), ['b2'])
      const { lines } = await replayOf(database, 1, { room: 'general', after: ['a1'], limit: 1_000 })
      t.notMatch(lines.join('\n'), /secret|"Ada"/)
      t.match(lines.join('\n'), /"type":"delete"/)
      const whole = await wholeOf(database)
      t.notMatch(whole, /secret|"Ada"|\(Ada|,Ada,/, 'no table has a text or the name')
      t.notMatch(whole, 'push.example/ada', 'no browser gets notifications any more')
      t.match(whole, 'push.example/bob')
      t.match(await database.query('select reporter_id from history.reports'), [{ reporter_id: 'cleo' }])
      t.same(await database.query('select from history.privacy', []), [])
      t.same(await database.query('select from history.seen', []), [])

      const page = async (user: string) =>
        JSON.parse(await conversationsOf(database, { user, limit: 10, readable })).conversations
      t.same(await page('ada'), [])
      t.match(await page('bob'), [
        { room: 'general', lastMessage: { id: 'a5', ...gone }, unread: 3 },
        { room: 'dm:ada:bob' },
      ])
      t.same(users.reports.get('ada'), { messages: 4, reactions: 1, conversations: 2 })
      t.match(
        published.filter(({ type }) => type !== 'delete'),
        [
          { type: 'reaction', message: 'b1', emoji: '👍', remove: true, revision: 2 },
          { type: 'membership', room: 'general', user: 'ada', member: false },
        ],
      )
      t.equal(published.length, 6)
    },
  )

  await t.test(
    'an erasure that was broken off goes on, and nothing is counted or deleted twice',
    async (t) => {
      const database = await databases.migrated(t)
      const messages = Array.from({ length: 700 }, (_, n) => message(`a${n}`))
      const { users, published, budget, begin, errors, done } = await start(t, database, [
        ...messages,
        message('b1', { from: bob }),
      ])
      users.due = [
        { user: 'ada', age: 10_000 },
        { user: 'bob', age: 10_000 },
      ]
      budget.left = 250
      const first = begin()
      await until(async () => (await errors()) > 0, timeout, 'the log to fail')
      await first.close()
      t.ok(published.length >= 250)
      t.equal(users.due.length, 2, 'nobody is erased')
      budget.left = Number.POSITIVE_INFINITY
      begin()
      await done()
      t.equal((await allOf(database)).filter(({ text }) => text !== '').length, 0)
      const changes = await database.query<{ count: number }>('select count(*) from history.changes', [])
      t.same(changes, [{ count: 701 }], 'one deletion for each message')
      t.ok((users.reports.get('ada')?.messages ?? 701) <= 700)
      const again = published.length
      users.due = [{ user: 'ada', age: 10_000 }]
      await done()
      t.equal(published.length, again, 'a pass over nothing publishes nothing')
    },
  )

  await t.test('while rooms is down nothing is erased, and nobody waits for a user who fails', async (t) => {
    const database = await databases.migrated(t)
    const { users, budget, begin, errors, done } = await start(t, database, [message('a1')])
    users.down = true
    users.due = [
      { user: 'ada', age: 10_000 },
      { user: 'nobody', age: 10_000 },
    ]
    begin()
    await until(async () => (await errors()) > 1, timeout, 'two attempts')
    t.match(await allOf(database), [{ id: 'a1', text: 'text of a1' }])
    budget.left = 0
    users.down = false
    await until(() => users.due.length === 1, timeout, 'the other user')
    t.match(users.due, [{ user: 'ada' }])
    budget.left = 1
    await done()
    t.match(await allOf(database), [{ id: 'a1', text: '' }])
  })
})
