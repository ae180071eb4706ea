import { until } from '@rabble/harness'
import t from 'tap'
import { useMembers, useMessages, useRoom, useTyping } from '../src/index.ts'
import { type FakeGateway, joined, message, refusal, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

function Where({ name }: { name: string }) {
  const { room, state, count } = useRoom(name)
  return (
    <p>
      {name}: {state.status} {state.status === 'left' && state.code} {count}
      <button type="button" onClick={() => void room.join()}>
        Join
      </button>
    </p>
  )
}

function Said({ name }: { name: string }) {
  return useMessages(name).lines.map(({ key, text }) => <li key={key}>{text}</li>)
}

const bob = { id: 'guest-bob', name: 'Bob' }
const cleo = { id: 'guest-cleo', name: 'Cleo' }

/** Returns the joins and leaves that have arrived, in order, each as `join general`. */
async function movesIn(gateway: FakeGateway, chat: ReturnType<FakeGateway['connect']>): Promise<string[]> {
  // The answer to this comes after everything that was sent before it.
  await chat.room('general').fetchMembers()
  return gateway.connections.flatMap(({ frames }) =>
    frames.flatMap((frame) =>
      frame.type === 'join' || frame.type === 'leave' ? [`${frame.type} ${frame.room}`] : [],
    ),
  )
}

t.test('a component that strict mode mounts twice joins its room once, and leaves it once', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.ready
  const page = mountIn(t, chat, <Where name="general" />)
  await page.shows('p', ['general: joined  1Join'])
  t.same(await movesIn(gateway, chat), ['join general'])
  page.unmount()
  await until(() => chat.rooms.length === 0, 30_000, 'the end')
  t.same(await movesIn(gateway, chat), ['join general', 'leave general'])
})

t.test('components share the join of a room, also one that replaces another', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.ready
  const page = mountIn(
    t,
    chat,
    <>
      <Where name="general" />
      <Said name="general" />
    </>,
  )
  await page.shows('p', ['general: joined  1Join'])
  gateway.connections[0]?.send(message('general', 'm1', 'hello'))
  await page.shows('li', ['hello'])
  page.render(<Said name="general" />)
  await page.shows('p', [])
  page.render(<Where name="general" />)
  await page.shows('p', ['general: joined  1Join'])
  t.same(await movesIn(gateway, chat), ['join general'])
  page.render(<Where name="plans" />)
  await page.shows('p', ['plans: joined  1Join'])
  t.same(await movesIn(gateway, chat), ['join general', 'join plans', 'leave general'])
})

t.test('a room that the application has joined by itself stays joined', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.room('general').join()
  const page = mountIn(t, chat, <Where name="general" />)
  await page.shows('p', ['general: joined  1Join'])
  page.render(<Where name="plans" />)
  await page.shows('p', ['plans: joined  1Join'])
  t.same(await movesIn(gateway, chat), ['join general', 'join plans'])
})

t.test('a refused room tells why, and can be joined again', async (t) => {
  let banned = true
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'join' && banned ? refusal(frame, 'forbidden') : undefined,
  )
  const page = mountIn(t, gateway.connect(), <Where name="general" />)
  await page.shows('p', ['general: left forbidden 0Join'])
  banned = false
  page.click('button')
  await page.shows('p', ['general: joined  1Join'])
})

t.test('members and who is typing are kept up to date while a component shows them', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'join') return joined(frame, { count: 2 })
    if (frame.type !== 'members') return undefined
    return { type: 'members', ref: frame.ref ?? 0, room: frame.room, users: [bob, cleo], count: 2 }
  })
  const chat = gateway.connect()
  const Members = () => {
    const { users, count, complete } = useMembers('general')
    const names = users.map(({ name }) => name).join(', ')
    return <p>{`${names} (${count}${complete ? '' : '?'})`}</p>
  }
  const Typing = () => useTyping('general').typing.map(({ id, name }) => <i key={id}>{name}</i>)
  const page = mountIn(t, chat, [<Members key="members" />, <Typing key="typing" />])
  await page.shows('p', ['Bob, Cleo (2)'])
  gateway.connections[0]?.send({ type: 'typing', room: 'general', user: bob })
  await page.shows('i', ['Bob'])
  gateway.connections[0]?.send({ type: 'presence', room: 'general', joined: [], left: [bob], count: 1 })
  await page.shows('p', ['Cleo (1)'])
  await page.shows('i', [])
  page.render(<Typing />)
  await page.shows('p', [])
  const asked = gateway.frames('members').length
  gateway.connections[0]?.send({ type: 'presence', room: 'general', joined: [bob], left: [], count: 9 })
  await until(() => chat.room('general').count === 9, 30_000, 'the news')
  await gateway.clock.advance(60_000)
  t.equal((await movesIn(gateway, chat)).length, 1)
  t.equal(gateway.frames('members').length, asked + 1, 'only what this test asks itself')
})
