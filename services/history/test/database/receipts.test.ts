import { maxReceipts, type PersonalEvent } from '@rabble/contract'
import { receiptsOf } from '../../src/messages/receipts.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

const own = { at: '2026-11-22T10:00:00.000Z', via: 'gateway-1' }
const enter = (user: string): PersonalEvent => ({
  ...{ type: 'membership', id: `e-${user}`, room: 'general', user, member: true },
  ...own,
})
const reads = (user: string, upTo: string): PersonalEvent => ({
  ...{ type: 'read', id: `r-${user}-${upTo}`, room: 'general', user, upTo },
  ...own,
})
const chooses = (user: string, receipts: boolean): PersonalEvent => ({
  ...{ type: 'privacy', id: `p-${user}-${receipts}`, room: `user:${user}`, user, receipts },
  ...own,
})

await onBoth(async (t, databases) => {
  await t.test('read positions are those of the members who show them', async (t) => {
    const database = await databases.migrated(t)
    const ask = async (users?: string[]) => {
      const rooms = [{ room: 'general', ...(users && { users }) }]
      const states = await receiptsOf(database, 1, { rooms, users: ['bob', 'eve'] })
      const [{ receipts } = { receipts: [] }] = states.rooms
      const shown = receipts.map(({ user, upTo = '' }) => `${user}: ${upTo}`).sort()
      return { ...states, shown, choices: states.users.map(({ receipts }) => receipts) }
    }
    t.match(await ask(), { through: [null], shown: [], choices: [true, true] })
    await write(database, 0, [enter('ada'), enter('bob'), message('m1'), message('m2'), enter('cleo')])
    await write(database, 0, [reads('bob', 'm1')])
    const before = await ask()
    t.same(before.shown, ['ada: m2', 'bob: m1', 'cleo: m2'])
    t.match(before.rooms, [{ room: 'general', large: false, version: 6 }])
    t.same((await ask(['bob', 'eve'])).shown, ['bob: m1'])

    await write(database, 0, [chooses('bob', true), chooses('bob', false), chooses('eve', false)])
    const hidden = await ask()
    t.same(hidden.shown, ['ada: m2', 'cleo: m2'])
    t.same(hidden.choices, [false, false])
    t.match(hidden.users, [{ user: 'bob', version: 9 }])
    await write(database, 0, [chooses('bob', true)])
    t.match(await ask(), { shown: ['ada: m2', 'bob: m1', 'cleo: m2'], choices: [true, false] })
    t.same(await database.query('select user_id from history.privacy', []), [{ user_id: 'eve' }])
    t.same(
      await database.query("select room from history.rooms where room <> 'general'", []),
      [],
      'a choice makes no room',
    )
  })

  await t.test('a room with more members than are shown has none', async (t) => {
    const database = await databases.migrated(t)
    const members = Array.from({ length: maxReceipts }, (_, n) => enter(`user-${n}`))
    await write(database, 0, members)
    const ask = async () => {
      const asked = { rooms: [{ room: 'general' }, { room: 'tea' }], users: [] }
      const { rooms } = await receiptsOf(database, 1, asked)
      return Object.fromEntries(rooms.map(({ room, large, receipts }) => [room, [large, receipts.length]]))
    }
    t.same(await ask(), { general: [false, maxReceipts], tea: [false, 0] })
    await write(database, 0, [enter('one-more')])
    t.same(await ask(), { general: [true, 0], tea: [false, 0] })
  })
})
