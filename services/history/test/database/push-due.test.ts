import type { ChatEvent, MessageEvent, PersonalEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { duePushes } from '../../src/push/due.ts'
import { movePushed, pushedSequence, storedSequence } from '../../src/push/position.ts'
import {
  endSubscription,
  endUnconfirmed,
  maxSubscriptions,
  recordAnswers,
  saveSubscription,
} from '../../src/push/subscriptions.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

const now = new Date().toISOString()
const own = (user: string, room = 'general') => ({ user, room, at: now, via: 'gateway-1' })
const joins = (user: string, room?: string): PersonalEvent => ({
  ...{ type: 'membership', id: `j-${user}-${room}`, ...own(user, room), member: true },
})
const said = (id: string, more: Partial<MessageEvent> = {}) => message(id, { at: now, ...more })
const direct = { room: 'dm:ada:bob' }

/** Lets users subscribe a browser each. */
async function subscribe(database: Database, ...users: string[]): Promise<void> {
  for (const user of users)
    await saveSubscription(database, user, { endpoint: `https://p/${user}`, p256dh: 'p', auth: 'a' })
}

/** Returns what is due of some sequences as `user: message`. */
async function dueOf(database: Database, after = 0, limit = 100): Promise<string[]> {
  const until = await storedSequence(database, 0)
  const due = await duePushes(database, { partition: 0, after, until, limit })
  return due.map(({ user, id }) => `${user}: ${id}`).sort()
}

await onBoth(async (t, databases) => {
  await t.test('those who are mentioned get a push, and both ways of direct messages', async (t) => {
    const database = await databases.migrated(t)
    await subscribe(database, 'ada', 'bob', 'cleo', 'eve')
    const events: (ChatEvent | PersonalEvent)[] = [
      ...['ada', 'bob', 'cleo'].map((user) => joins(user)),
      said('a'),
      said('b', { mentions: ['bob', 'eve', 'ada'] }),
      said('c', direct),
      said('d', { room: 'dm:ada:dan' }),
      said('e', { room: 'dm:ada:ada' }),
    ]
    await write(database, 0, events)
    t.same(await dueOf(database), ['bob: b', 'bob: c'], 'not strangers, not oneself')
    await write(database, 0, [said('f', { from: { id: 'bob', name: 'Bob' }, ...direct })])
    t.same(await dueOf(database, events.length), ['ada: f'])
    const at = await storedSequence(database, 0)
    await write(database, 0, [said('g', { mentions: ['@room'] })])
    t.same(await dueOf(database, at), ['bob: g', 'cleo: g'], 'all members but the author')
    t.same(
      await duePushes(database, { partition: 1, after: 0, until: 100, limit: 10 }),
      [],
      'each partition by itself',
    )
  })

  await t.test('a push has what the browser needs', async (t) => {
    const database = await databases.migrated(t)
    await subscribe(database, 'bob')
    await write(database, 0, [said('a', { ...direct, text: 'nul \0' })])
    t.same(await duePushes(database, { partition: 0, after: 0, until: 9, limit: 9 }), [
      {
        ...{ endpoint: 'https://p/bob', p256dh: 'p', auth: 'a', user: 'bob', room: 'dm:ada:bob', id: 'a' },
        ...{ from: { id: 'ada', name: 'Ada' }, text: 'nul \0' },
      },
    ])
  })

  await t.test('a message that was read, deleted or muted meanwhile is not pushed', async (t) => {
    const database = await databases.migrated(t)
    await subscribe(database, 'bob', 'cleo')
    const call = { mentions: ['bob', 'cleo'] }
    await write(database, 0, [joins('bob'), joins('cleo'), said('a', call), said('b', direct)])
    t.same(await dueOf(database), ['bob: a', 'bob: b', 'cleo: a'])
    await write(database, 0, [{ type: 'read', id: 'r', ...own('bob'), upTo: 'a' }])
    t.same(await dueOf(database), ['bob: b', 'cleo: a'], 'read')
    await write(database, 0, [{ type: 'mute', id: 'q', ...own('bob', direct.room), muted: true }])
    t.same(await dueOf(database), ['cleo: a'], 'muted')
    await write(database, 0, [edit('e', 'a', { text: 'other' })])
    t.match(await duePushes(database, { partition: 0, after: 0, until: 99, limit: 9 }), [{ text: 'other' }])
    await write(database, 0, [deletion('d', 'a')])
    t.same(await dueOf(database), [], 'deleted')
    await write(database, 0, [
      { type: 'mute', id: 'q2', ...own('bob', direct.room), muted: false },
      { type: 'read', id: 'r2', ...own('bob', direct.room), upTo: 'b' },
    ])
    t.same(await dueOf(database), [], 'a direct message that was read')
    await write(database, 0, [said('c', direct)])
    t.same(await dueOf(database), ['bob: c'])
    await write(database, 0, [deletion('d2', 'c', direct)])
    t.same(await dueOf(database), [], 'a direct message that was deleted')
  })

  await t.test('who has left a room gets no push of it, and old messages are not pushed', async (t) => {
    const database = await databases.migrated(t)
    await subscribe(database, 'bob')
    const hours = (count: number) => new Date(Date.now() - count * 3_600_000).toISOString()
    await write(database, 0, [
      joins('bob'),
      said('a', { mentions: ['bob'] }),
      { type: 'membership', id: 'l', ...own('bob'), member: false },
      said('b', { ...direct, at: hours(3) }),
      said('c', { ...direct, at: 'once upon a time' }),
    ])
    t.same(await dueOf(database), [])
  })

  await t.test(
    'a browser gets the newest of several messages of a conversation, in parts if there are many',
    async (t) => {
      const database = await databases.migrated(t)
      await subscribe(database, 'bob', 'cleo')
      const rooms = ['r1', 'r2', 'r3']
      await write(
        database,
        0,
        rooms.flatMap((room) => [joins('bob', room), joins('cleo', room)]),
      )
      const call = { mentions: ['@room'] }
      await write(
        database,
        0,
        rooms.flatMap((room) => [
          said(`old ${room}`, { room, ...call }),
          said(`new ${room}`, { room, ...call }),
        ]),
      )
      const asked = { partition: 0, after: 0, until: 99, limit: 2 }
      const found: string[] = []
      let behind: { endpoint: string; room: string } | undefined
      for (;;) {
        const due = await duePushes(database, { ...asked, behind })
        found.push(...due.map(({ user, id }) => `${user}: ${id}`))
        behind = due.at(-1)
        if (behind === undefined) break
      }
      t.same(
        found.sort(),
        ['bob', 'cleo'].flatMap((user) => rooms.map((room) => `${user}: new ${room}`)),
      )
    },
  )

  await t.test('a user has ten browsers, the last ones in which the page was open', async (t) => {
    const database = await databases.migrated(t)
    const endpoints = async (user = 'bob') =>
      (
        await database.query<{ endpoint: string }>(
          'select endpoint from history.push_subscriptions where user_id = $1 order by confirmed_at, endpoint',
          [user],
        )
      ).map(({ endpoint }) => endpoint)
    const save = (user: string, endpoint: string) =>
      saveSubscription(database, user, { endpoint, p256dh: 'p', auth: 'a' })
    for (let n = 0; n < maxSubscriptions + 2; n++) {
      await save('bob', `https://p/${n}`)
      // The first one is confirmed each time, as by a page that is opened.
      await save('bob', 'https://p/0')
    }
    t.same(
      new Set(await endpoints()),
      new Set(
        [0, ...Array.from({ length: maxSubscriptions - 1 }, (_, n) => n + 3)].map((n) => `https://p/${n}`),
      ),
    )
    await save('cleo', 'https://p/0')
    t.same(await endpoints('cleo'), ['https://p/0'], 'a browser has one user')
    t.equal((await endpoints()).length, maxSubscriptions - 1)
    await endSubscription(database, 'bob', 'https://p/0')
    t.same(await endpoints('cleo'), ['https://p/0'], 'nobody ends that of another user')
    await endSubscription(database, 'cleo', 'https://p/0')
    t.same(await endpoints('cleo'), [])
  })

  await t.test('subscriptions end when the push service says so, or nobody uses them', async (t) => {
    const database = await databases.migrated(t)
    await subscribe(database, 'ada', 'bob', 'cleo', 'dan')
    const users = async () =>
      (
        await database.query<{ user_id: string }>(
          'select user_id from history.push_subscriptions order by user_id',
        )
      ).map(({ user_id }) => user_id)
    const answer = (kind: 'accepted' | 'gone' | 'refused', user: string) =>
      recordAnswers(database, { accepted: [], gone: [], refused: [], [kind]: [`https://p/${user}`] })
    await answer('gone', 'ada')
    t.same(await users(), ['bob', 'cleo', 'dan'])
    for (let n = 0; n < 4; n++) await answer('refused', 'bob')
    await answer('accepted', 'bob')
    for (let n = 0; n < 4; n++) await answer('refused', 'bob')
    t.same(await users(), ['bob', 'cleo', 'dan'])
    await answer('refused', 'bob')
    t.same(await users(), ['cleo', 'dan'], 'refused five times in a row')
    const age = (user: string, days: number) =>
      database.query(
        `update history.push_subscriptions set confirmed_at = now() - $2::float8 * interval '1 day' where user_id = $1`,
        [user, days],
      )
    await age('cleo', 61)
    await age('dan', 59)
    await endUnconfirmed(database)
    t.same(await users(), ['dan'])
  })

  await t.test('only who knows the position moves it', async (t) => {
    const database = await databases.migrated(t)
    await write(database, 0, [said('a'), said('b')])
    t.equal(await pushedSequence(database, 0), 2, 'it begins behind what is stored')
    t.equal(await pushedSequence(database, 1), 0)
    t.equal(await movePushed(database, 0, 2, 5), true)
    t.equal(await movePushed(database, 0, 2, 5), true, 'again, after an answer that was lost')
    t.equal(await movePushed(database, 0, 2, 4), false, 'a sender that was frozen does not move it back')
    t.equal(await pushedSequence(database, 0), 5)
  })
})
