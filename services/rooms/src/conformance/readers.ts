import type { Test } from 'tap'
import type { MakeReadersFixture } from './fixture.ts'

export function testReaders(t: Test, makeFixture: MakeReadersFixture): void {
  t.test('rooms with a retention of their own are told, and no others', async (t) => {
    const { client, createRoom } = await makeFixture(t)
    const day = 24 * 60 * 60 * 1000
    await createRoom('days', { retention: { maxAge: 2 * day } })
    await createRoom('both', { retention: { maxAge: day, maxMessages: 10 } })
    await createRoom('all', {})
    t.same(
      await client.retention(),
      new Map([
        ['both', { maxAge: day, maxMessages: 10 }],
        ['days', { maxAge: 2 * day }],
      ]),
    )
  })

  t.test('a room can be read by those who may enter it, and an unknown one by everybody', async (t) => {
    const { client, createRoom, invite, ban } = await makeFixture(t)
    const rooms = ['board', 'tea', 'unknown']
    await createRoom('board', { inviteOnly: true })
    await createRoom('tea', {})
    await invite('board', 'ada')
    await ban('eve', 'tea')
    await ban('joe')
    const readable = async (reader: object) => client.readable(rooms, reader)
    t.same(
      {
        nobody: await readable({}),
        stranger: await readable({ user: 'bob' }),
        invited: await readable({ user: 'ada' }),
        bannedHere: await readable({ user: 'eve' }),
        banned: await readable({ user: 'joe' }),
        moderator: await readable({ user: 'joe', moderator: true }),
      },
      {
        nobody: ['tea', 'unknown'],
        stranger: ['tea', 'unknown'],
        invited: rooms,
        bannedHere: ['unknown'],
        banned: [],
        moderator: rooms,
      },
    )
  })

  t.test('all rooms that somebody may not read are told, and none that everybody may', async (t) => {
    const { client, createRoom, invite, ban } = await makeFixture(t)
    for (const name of ['board', 'cellar']) await createRoom(name, { inviteOnly: true })
    await createRoom('tea', {})
    for (const user of ['ada', 'joe', 'eve']) await invite('board', user)
    await ban('eve', 'board')
    await ban('eve', 'tea')
    await ban('joe')
    const hidden = async (user?: string) => (await client.hidden(user)).names
    t.same(
      {
        nobody: await hidden(),
        stranger: await hidden('bob'),
        invited: await hidden('ada'),
        bannedHere: await hidden('eve'),
        banned: await hidden('joe'),
      },
      {
        nobody: ['board', 'cellar'],
        stranger: ['board', 'cellar'],
        invited: ['cellar'],
        bannedHere: ['board', 'cellar'],
        banned: ['board', 'cellar'],
      },
    )
  })
}
