import type { ServerFrame } from '@rabble/contract'
import { until } from '@rabble/harness'
import t from 'tap'
import { usePeople } from '../src/index.ts'
import { lose, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

function Presence({ users }: { users: string[] }) {
  const { people, setAway } = usePeople(users)
  return (
    <>
      <button type="button" onClick={() => setAway(true)} />
      {users.map((user) => (
        <li key={user}>{`${user}: ${people.get(user)?.state}`}</li>
      ))}
    </>
  )
}

t.test('components that show different people share one list, which follows all changes', async (t) => {
  const state = new Map<string, 'online' | 'away'>([
    ['bob', 'online'],
    ['cleo', 'away'],
    ['dan', 'online'],
  ])
  const gateway = await startFakeGateway(t, (frame): ServerFrame | undefined => {
    if (frame.type !== 'people') return undefined
    const people = frame.users.flatMap((user) => {
      const known = state.get(user)
      return known === undefined ? [] : [{ user, state: known }]
    })
    return { type: 'people', ref: frame.ref ?? 0, people, version: 1 }
  })
  const chat = gateway.connect()
  await chat.ready
  const asked = () => gateway.frames('people').map(({ users }) => users.join())
  const page = mountIn(t, chat, [
    <Presence key="1" users={['bob', 'hidden']} />,
    <Presence key="2" users={['cleo']} />,
  ])
  await page.shows('li', ['bob: online', 'hidden: undefined', 'cleo: away'])
  t.same(asked(), ['bob,hidden,cleo'], 'strict mode asks once')

  const send = (frame: ServerFrame) => gateway.connections.at(-1)?.send(frame)
  send({ type: 'people', people: [{ user: 'cleo', state: 'online' }], removed: ['bob'], version: 2 })
  await page.shows('li', ['bob: undefined', 'hidden: undefined', 'cleo: online'])
  page.render([<Presence key="1" users={['bob']} />, <Presence key="2" users={['dan']} />])
  await page.shows('li', ['bob: online', 'dan: online'])
  t.equal(asked().at(-1), 'bob,dan')
  const before = asked().length
  page.render([<Presence key="1" users={['bob']} />, <Presence key="2" users={['dan']} />])
  page.click('button')
  await until(() => gateway.frames('away').length === 1, 30_000, 'the frame')
  t.equal(asked().length, before, 'another array of the same users changes nothing')

  state.set('dan', 'away')
  await lose(gateway, chat)
  await page.shows('li', ['bob: online', 'dan: away'])
  t.equal(gateway.frames('away').length, 2, 'the user is still away')
  page.render(null)
  await until(() => asked().at(-1) === '', 30_000, 'the end')
})
