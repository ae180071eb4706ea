import { createManualClock } from '@rabble/clock/manual'
import type { ConversationState } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import type { Test } from 'tap'
import type { RetainOptions, Retention } from '../../src/jobs/retention.ts'
import { conversationsOf } from '../../src/messages/conversations.ts'
import { idsOf, ingestOf, storedDaysAgo, timeout, waitFor } from '../build.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog, type MemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const day = 24 * 60 * 60 * 1000
const former = async () => {}
const daysAgo = (days: number) => new Date(Date.now() - days * day).toISOString()

await onBoth(async (t, databases) => {
  /** Returns what is left of each room after retention has deleted `deleted` messages. */
  async function trimmed(
    t: Test,
    { log, database, deleted, ...what }: Trim,
    rooms: string[],
  ): Promise<string[][]> {
    const { metrics } = ingestOf(t, log, database, what)
    const retired = async () => (await metrics.retired.get()).values[0]?.value ?? 0
    await until(async () => (await retired()) >= deleted, timeout, `${deleted} to be deleted`)
    t.equal(await retired(), deleted)
    return Promise.all(rooms.map((room) => idsOf(database, 0, room)))
  }
  interface Trim extends Omit<RetainOptions, 'clocks'> {
    log: MemoryLog
    database: Database
    deleted: number
  }

  /** Stores `count` messages of a log. */
  async function store(t: Test, log: MemoryLog, database: Database, count: number): Promise<void> {
    const ingest = ingestOf(t, log, database)
    await waitFor(database, count)
    await ingest.close()
  }

  /** Returns a database that holds what a log has. */
  async function filled(t: Test, log: MemoryLog, count: number): Promise<Database> {
    const database = await databases.migrated(t)
    await store(t, log, database, count)
    return database
  }

  await t.test('what was stored too long ago goes, in every room, whatever times are in it', async (t) => {
    const log = createMemoryLog(2)
    const rooms = ['general', 'random', '*', 'dm:ada:bob']
    for (const room of rooms) {
      log.append(
        message(`${room} 1`, { room, at: daysAgo(40) }),
        message(`${room} 2`, { room, at: '2026-11-22T12:00:00.000+02:00' }),
        message(`${room} 3`, { room, at: daysAgo(-31) }),
      )
    }
    const database = await filled(t, log, 12)
    await storedDaysAgo(database, 31)
    // Gateways with wrong clocks sent some of these, which must take no other messages with them.
    for (const room of rooms) {
      log.append(
        message(`${room} 4`, { room, at: daysAgo(29) }),
        message(`${room} 5`, { room, at: daysAgo(31) }),
      )
    }
    await store(t, log, database, 20)
    await storedDaysAgo(database, 29)
    const left = await trimmed(t, { log, database, retention: { maxAge: 30 * day }, deleted: 12 }, [
      'general',
      '*',
    ])
    t.same(left, [
      ['general 4', 'general 5'],
      ['* 4', '* 5'],
    ])
  })

  await t.test('of a room that holds too many the newest stay, however many go', async (t) => {
    const log = createMemoryLog()
    const ids = Array.from({ length: 634 }, (_, n) => `m${n}`)
    log.append(...ids.map((id) => message(id)), message('alone', { room: 'random' }))
    const database = await filled(t, log, 635)
    const left = await trimmed(t, { log, database, retention: { maxMessages: 34 }, deleted: 600 }, [
      'general',
      'random',
    ])
    t.same(left, [ids.slice(600), ['alone']])
  })

  await t.test('both bounds hold, over more rooms than are looked at at once', async (t) => {
    const log = createMemoryLog()
    const rooms = Array.from({ length: 150 }, (_, n) => `room ${n}`)
    const database = await databases.migrated(t)
    for (const [index, days] of [3, 2, 1].entries()) {
      log.append(...rooms.map((room) => message(`${room}/${days}`, { room })))
      await store(t, log, database, 150 * (index + 1))
      await storedDaysAgo(database, days)
    }
    const retention = { maxMessages: 2, maxAge: 1.5 * day }
    const left = await trimmed(t, { log, database, retention, deleted: 300 }, rooms)
    t.same(
      left,
      rooms.map((room) => [`${room}/1`]),
    )
  })

  await t.test('new messages get in while old ones go', async (t) => {
    const clock = createManualClock()
    const log = createMemoryLog()
    log.append(...Array.from({ length: 1_210 }, (_, n) => message(`old ${n}`)))
    const database = await filled(t, log, 1_210)
    const { metrics } = ingestOf(t, log, database, { clock, retention: { maxMessages: 10 } })
    const retired = async () => (await metrics.retired.get()).values[0]?.value ?? 0
    // It pauses after the first ones while the clock stands still.
    await until(async () => (await retired()) > 0, timeout, 'the first to go')
    const ids = Array.from({ length: 10 }, (_, n) => `new ${n}`)
    for (const id of ids) log.append(message(id))
    await until(async () => (await idsOf(database, 0)).at(-1) === ids.at(-1), timeout, 'the new ones')
    t.equal(await retired(), 500)
    const gone = (count: number) => async () => {
      await clock.advance(20)
      return (await retired()) >= count
    }
    await until(gone(1_200), timeout, 'the others to go')
    t.same(await idsOf(database, 0), [...Array.from({ length: 10 }, (_, n) => `old ${n + 1_200}`), ...ids])
    const nextRound = async () => {
      await clock.advance(60_000)
      return (await retired()) >= 1_210
    }
    await until(nextRound, timeout, 'the next round')
    t.same(await idsOf(database, 0), ids)
  })

  await t.test('a room may keep less than all, and never more', async (t) => {
    const log = createMemoryLog(2)
    const rooms = ['short', 'few', 'more', 'other']
    const database = await databases.migrated(t)
    for (const [index, days] of [5, 4, 3, 1].entries()) {
      log.append(...rooms.map((room) => message(`${room}/${days}`, { room })))
      await store(t, log, database, 4 * (index + 1))
      await storedDaysAgo(database, days)
    }
    const own = new Map<string, Retention>([
      ['short', { maxAge: 2 * day }],
      ['few', { maxMessages: 2, maxAge: 9 * day }],
      ['more', { maxMessages: 9, maxAge: 9 * day }],
      ['unknown', { maxMessages: 1 }],
    ])
    const all = { retention: { maxMessages: 3 }, rooms: { retention: async () => own, former } }
    t.same(await trimmed(t, { log, database, ...all, deleted: 7 }, rooms), [
      ['short/1'],
      ['few/3', 'few/1'],
      ['more/4', 'more/3', 'more/1'],
      ['other/4', 'other/3', 'other/1'],
    ])
  })

  await t.test(
    'rooms that keep less are told of anew, and while nobody can say the last holds',
    async (t) => {
      const clock = createManualClock()
      const log = createMemoryLog(2)
      for (const room of ['a', 'b']) log.append(...[1, 2, 3, 4].map((n) => message(`${room}${n}`, { room })))
      const database = await filled(t, log, 8)
      const down = () => Promise.reject(new Error('rooms is down'))
      let retention: () => Promise<Map<string, Retention>> = down
      const { metrics } = ingestOf(t, log, database, {
        clock,
        rooms: { retention: () => retention(), former },
      })
      const failures = async () => (await metrics.roomsErrors.get()).values[0]?.value ?? 0
      const left = async (room: string) => (await idsOf(database, 0, room)).join()
      /** Lets rounds of a minute pass until a check holds. */
      const rounds = (check: () => Promise<boolean>, what: string) =>
        until(
          async () => {
            await clock.advance(60_000)
            return check()
          },
          timeout,
          what,
        )
      await rounds(async () => (await failures()) > 4, 'some failures')
      t.equal(await left('a'), 'a1,a2,a3,a4')
      retention = async () => new Map([['a', { maxMessages: 3 }]])
      await rounds(async () => (await left('a')) === 'a2,a3,a4', 'the first to go')
      const before = await failures()
      retention = down
      // The round that deleted them is over.
      await rounds(async () => (await failures()) > before, 'the next failure')
      log.append(message('a5', { room: 'a' }))
      await rounds(async () => (await left('a')) === 'a3,a4,a5', 'the next to go')
      retention = async () => new Map([['b', { maxMessages: 1 }]])
      await rounds(async () => (await left('b')) === 'b4', 'the other room')
      t.equal(await left('a'), 'a3,a4,a5')
    },
  )

  await t.test('what is gone is no longer unread, and neither are guests in their rooms', async (t) => {
    const log = createMemoryLog()
    const own = { room: 'general', at: daysAgo(0), via: 'gateway-1', member: true }
    const users = ['bob', 'guest-new', 'guest-gone']
    log.append(...users.map((user) => ({ type: 'membership' as const, id: `j ${user}`, user, ...own })))
    log.append(...['a', 'b', 'c'].map((id) => message(id, { mentions: ['bob'] })))
    const database = await filled(t, log, 3)
    await database.query(
      `update history.conversations set touched_at = now() - interval '31 days' where user_id in ('guest-gone', 'bob')`,
    )
    await trimmed(t, { log, database, deleted: 2, retention: { maxMessages: 1 } }, [])
    const list = async (user: string) => {
      const readable = async () => new Set<string>()
      const page = JSON.parse(await conversationsOf(database, { user, limit: 10, readable }))
      return page.conversations.map(({ unread, mentions }: ConversationState) => ({ unread, mentions }))
    }
    await until(async () => (await list('guest-gone')).length === 0, timeout, 'the guest to be forgotten')
    t.strictSame(await list('bob'), [{ unread: 1, mentions: 1 }])
    t.strictSame(await list('guest-new'), [{ unread: 1, mentions: 0 }])
  })

  await t.test('nothing goes unless told', async (t) => {
    const log = createMemoryLog()
    log.append(message('a', { at: daysAgo(10_000) }))
    const database = await filled(t, log, 1)
    ingestOf(t, log, database)
    log.append(message('b'))
    t.same(await idsOf(database, 2), ['a', 'b'])
  })

  /** Returns the ids of the stored changes of a room. */
  const changesOf = async (database: Database, room: string) =>
    (
      await database.query<{ id: string }>(
        'select id from history.changes where room = $1 order by sequence',
        [room],
      )
    ).map(({ id }) => id)

  await t.test('changes go with what was said before them, and stay with what stays', async (t) => {
    const log = createMemoryLog()
    const inOther = { room: 'other' }
    log.append(
      message('a'),
      edit('a1', 'a'),
      edit('none', 'unknown'),
      edit('d1', 'unknown', { room: 'never' }),
      message('c', inOther),
      edit('c1', 'c', inOther),
    )
    const database = await filled(t, log, 2)
    await storedDaysAgo(database, 31)
    log.append(
      message('b'),
      // Changes a deleted message, but is newer than a remaining one: clients that were away must still receive it.
      edit('a2', 'a'),
      deletion('b1', 'b'),
    )
    await store(t, log, database, 3)
    const left = await trimmed(t, { log, database, retention: { maxAge: 30 * day }, deleted: 2 }, ['general'])
    t.same(left, [['b']])
    await until(
      async () => (await changesOf(database, 'other')).length === 0,
      timeout,
      'the rooms without messages',
    )
    await until(async () => (await changesOf(database, 'never')).length === 0, timeout, 'the last of them')
    t.same(await changesOf(database, 'general'), ['a2', 'b1'])
  })

  await t.test('however many changes there are, they go', async (t) => {
    const log = createMemoryLog()
    const edits = Array.from({ length: 600 }, (_, n) => edit(`e${n}`, 'a'))
    log.append(message('a'), ...edits, message('b'))
    const database = await filled(t, log, 2)
    const left = await trimmed(t, { log, database, retention: { maxMessages: 1 }, deleted: 1 }, ['general'])
    t.same(left, [['b']])
    await until(async () => (await changesOf(database, 'general')).length === 0, timeout, 'the changes to go')
  })
})
