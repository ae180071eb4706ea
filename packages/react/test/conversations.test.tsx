import { until } from '@rabble/harness'
import t from 'tap'
import { useConversations } from '../src/index.ts'
import { lose, message, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

const rendered: ReturnType<typeof useConversations>[] = []

function People() {
  const conversations = useConversations()
  rendered.push(conversations)
  return conversations?.map(({ room, peer, last }) => <li key={room}>{`${peer}: ${last}`}</li>)
}

t.test('conversations are listed, the newest first, and listed anew after an absence', async (t) => {
  let conversations = [
    { room: 'dm:guest-ada:guest-bob', last: 'm2' },
    { room: 'dm:guest-ada:guest-cleo', last: 'm1' },
  ]
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'conversations'
      ? { type: 'conversations', ref: frame.ref ?? 0, conversations }
      : undefined,
  )
  const chat = gateway.connect()
  const page = mountIn(t, chat, [<People key="1" />, <People key="2" />])
  const twice = (lines: string[]) => page.shows('li', [...lines, ...lines])
  await twice(['guest-bob: m2', 'guest-cleo: m1'])
  t.equal(rendered[0], undefined, 'not known at first')
  t.equal(gateway.frames('conversations').length, 1, 'both components share the list')
  gateway.connections[0]?.send(message('dm:guest-ada:guest-cleo', 'm3'))
  await twice(['guest-cleo: m3', 'guest-bob: m2'])
  gateway.connections[0]?.send(message('dm:guest-ada:guest-dora', 'm4'))
  await twice(['guest-dora: m4', 'guest-cleo: m3', 'guest-bob: m2'])
  conversations = [{ room: 'dm:guest-ada:guest-bob', last: 'm5' }]
  await lose(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'the second connection')
  await until(
    async () => {
      await gateway.clock.advance(1_000)
      return page.texts('li').length === 2
    },
    30_000,
    'the list',
  )
  await twice(['guest-bob: m5'])
})
