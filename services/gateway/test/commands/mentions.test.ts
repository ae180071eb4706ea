import { type ChatClient, connectChat, until } from '@rabble/harness'
import t from 'tap'
import { buildWithRooms } from '../rooms-build.ts'

t.test(
  'all are mentioned by those who may: the owner, moderators, or everybody where the room says so',
  async (t) => {
    const { rooms, a } = await buildWithRooms(t)
    rooms.owners.set('tea', 'ada')
    const connect = async (id: string, roles: string[] = []) =>
      connectChat(t, a.ws, { token: await a.tokens.sign({ id, name: id }, 600, roles) })
    const [ada, bob, mona] = [
      await connect('ada'),
      await connect('bob'),
      await connect('mona', ['moderator']),
    ]
    for (const client of [ada, bob, mona]) for (const room of ['tea', 'coffee']) await client.join(room)
    const say = (client: ChatClient, room: string, name: string) =>
      client.request({ type: 'send', room, text: 'x', mentions: [name] })
    const maySay = (client: ChatClient) =>
      say(client, 'tea', '@room').then(
        () => true,
        ({ code }) => code !== 'forbidden',
      )
    for (const name of ['@room', '@here']) {
      const { id } = await say(ada, 'tea', name)
      t.match(await bob.waitFor((frame) => frame.type === 'message' && frame.id === id), { mentions: [name] })
      await say(mona, 'coffee', name)
      await t.rejects(say(bob, 'tea', name), { code: 'forbidden' }, `${name} of a member`)
      await t.rejects(say(ada, 'coffee', name), { code: 'forbidden' }, `${name} in a room of nobody`)
    }
    rooms.put('room:tea', { kind: 'room', room: 'tea', mentionAll: true })
    await until(() => maySay(bob), 60_000, 'the setting to be known')
    // The setting keeps nobody out while the service is down.
    rooms.down = true
    await until(async () => (await a.metric('rabble_gateway_rooms_up')) === 0, 60_000, 'the outage')
    await (await connect('eve')).join('tea')
    // Somebody else owns the room by the time the seats are taken again.
    rooms.down = false
    rooms.put('room:tea', null)
    rooms.owners.set('tea', 'bob')
    rooms.expire()
    await until(async () => !(await maySay(ada)), 60_000, 'the seats to be taken again')
    await until(() => maySay(bob), 60_000, 'the new owner to be known')
  },
)
