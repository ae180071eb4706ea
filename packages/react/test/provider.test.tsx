import { until } from '@rabble/harness'
import { Component, type ReactNode, StrictMode, Suspense, startTransition, useLayoutEffect } from 'react'
import t from 'tap'
import { WebSocket } from 'ws'
import { ChatProvider, useConnection, useMessages, useRoom } from '../src/index.ts'
import { lose, startFakeGateway } from './fake-gateway.ts'
import { mount, mountIn } from './mount.tsx'

function Status() {
  const { state, user } = useConnection()
  return <p>{`${state.status} ${user?.name}`}</p>
}

t.test('a provider connects once, also in strict mode, and closes its chat at the end', async (t) => {
  const gateway = await startFakeGateway(t)
  const options = { url: gateway.url, name: 'Ada', WebSocket, transports: ['websocket'] as const }
  const page = mount(
    t,
    <StrictMode>
      <ChatProvider options={options} fallback={<p>none</p>}>
        <Status />
      </ChatProvider>
    </StrictMode>,
  )
  await page.shows('p', ['open Ada'])
  t.equal(gateway.connections.length, 1)
  page.unmount()
  await until(() => gateway.connections[0]?.code !== undefined, 30_000, 'the end')
  t.equal(gateway.connections[0]?.code, 1000)
})

t.test('another key makes a provider connect anew', async (t) => {
  const gateway = await startFakeGateway(t)
  const as = (name: string) => (
    <ChatProvider key={name} options={{ url: gateway.url, name, WebSocket, transports: ['websocket'] }}>
      <Status />
    </ChatProvider>
  )
  const page = mount(t, as('Ada'))
  await page.shows('p', ['open Ada'])
  page.render(as('Bob'))
  await until(() => gateway.frames('hello').length === 2, 30_000, 'the second hello')
  await until(() => gateway.connections[0]?.open === false, 30_000, 'the end of the first')
  t.match(gateway.frames('hello'), [{ name: 'Ada' }, { name: 'Bob' }])
})

t.test('components see how the connection is lost and comes back', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  const page = mountIn(t, chat, <Status />)
  await page.shows('p', ['open Ada'])
  gateway.webSockets = 'refused'
  await lose(gateway, chat)
  await page.shows('p', ['waiting Ada'])
  gateway.webSockets = 'open'
  chat.reconnect()
  await page.shows('p', ['open Ada'])
})

t.test('a render that React drops has connected and joined nothing', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.ready
  const never = new Promise(() => {})
  const Suspended = () => {
    useRoom('general')
    throw never
  }
  const dropped = (
    <ChatProvider options={{ url: gateway.url, name: 'Bob', WebSocket }}>
      <Suspended />
    </ChatProvider>
  )
  const Waiting = () => {
    throw never
  }
  const page = mountIn(
    t,
    chat,
    <Suspense fallback={<p>waiting</p>}>
      {dropped}
      <Suspended />
      <Waiting />
    </Suspense>,
  )
  await page.shows('p', ['waiting'])
  page.render(<Status />)
  await page.shows('p', ['open Ada'])
  await chat.room('general').fetchMembers()
  t.same(gateway.frames('join'), [])
  t.equal(gateway.connections.length, 1)
})

t.test('a change in the middle of a concurrent render shows everywhere or nowhere', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  const room = chat.room('general')
  await room.join()
  const seen: string[] = []
  const Reader = ({ index }: { index: number }) => {
    const { lines } = useMessages('general')
    // A message comes while half of the readers have rendered without it.
    if (index === 10 && lines.length === 0 && room.pending.length === 0) void room.send('hello')
    useLayoutEffect(() => {
      seen.push([...new Set(page.texts('i'))].join(' and '))
    })
    return <i>{lines.length}</i>
  }
  const page = mountIn(t, chat, <p>empty</p>)
  await page.shows('p', ['empty'])
  const readers = Array.from({ length: 20 }, (_, index) => index)
  startTransition(() => page.render(readers.map((index) => <Reader key={index} index={index} />)))
  await page.shows(
    'i',
    readers.map(() => '1'),
  )
  t.same([...new Set(seen)], ['1'])
})

t.test('a hook outside of a provider says what is missing', async (t) => {
  class Boundary extends Component<{ children: ReactNode }> {
    override state = { text: '' }
    static getDerivedStateFromError = (error: Error) => ({ text: error.message })
    override render = () => (this.state.text ? <p>{this.state.text}</p> : this.props.children)
  }
  t.capture(console, 'error')
  const page = mount(
    t,
    <Boundary>
      <Status />
    </Boundary>,
  )
  await page.shows('p', ['this component is in no ChatProvider'])
})
