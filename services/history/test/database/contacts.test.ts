import type { PersonalEvent } from '@rabble/contract'
import { contactsOf } from '../../src/messages/contacts.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

const own = (user: string, at = '2026-11-22T10:00:00.000Z') => ({
  ...{ room: `user:${user}`, user, id: `${user}-${at}`, at, via: 'gateway-1' },
})
const seen = (user: string, at: string): PersonalEvent => ({ type: 'seen', ...own(user, at) })
const chooses = (user: string, choices: { receipts?: boolean; presence?: boolean }): PersonalEvent => ({
  ...{ type: 'privacy', ...own(user) },
  ...choices,
})

await onBoth(async (t, databases) => {
  await t.test('users see each other who share a direct conversation and hide nothing', async (t) => {
    const database = await databases.migrated(t)
    const ask = async (user: string, ...users: string[]) => {
      const { contacts } = await contactsOf(database, 1, { user, users })
      return contacts
        .filter(({ shown }) => shown)
        .map(({ user, seenAt }) => `${user} ${seenAt === undefined ? '' : new Date(seenAt).toISOString()}`)
        .sort()
    }
    const [first, last] = ['2026-11-22T10:00:00.000Z', '2026-11-22T11:00:00.000Z']
    await write(database, 0, [
      message('d1', { room: 'dm:ada:bob' }),
      message('d2', { room: 'dm:ada:cleo' }),
      message('g1', { from: { id: 'eve', name: 'Eve' } }),
      seen('bob', last),
      seen('bob', first),
      seen('eve', first),
    ])
    t.same(await ask('ada', 'bob', 'cleo', 'eve', 'nobody'), [`bob ${last}`, 'cleo '])
    t.same(await ask('bob', 'ada', 'cleo'), ['ada '])
    t.same(
      await database.query('select user_id from history.seen', []),
      [{ user_id: 'bob' }],
      'nothing is kept of whom nobody may see',
    )

    await write(database, 0, [chooses('bob', { presence: false }), chooses('bob', { receipts: false })])
    t.same(await ask('ada', 'bob', 'cleo'), ['cleo '])
    t.same(await ask('bob', 'ada'), [], 'a user who hides sees nobody')
    t.same(await database.query('select user_id, receipts, presence from history.privacy', []), [
      { user_id: 'bob', receipts: false, presence: false },
    ])
    await write(database, 0, [seen('bob', last)])
    t.same(await database.query('select from history.seen', []), [], 'nothing is kept of who hides')
    await write(database, 0, [chooses('bob', { presence: true })])
    t.same(await ask('ada', 'bob'), ['bob '])
    t.same(await database.query('select receipts from history.privacy', []), [{ receipts: false }])
    await write(database, 0, [chooses('bob', { receipts: true })])
    t.same(await database.query('select from history.privacy', []), [])
  })
})
