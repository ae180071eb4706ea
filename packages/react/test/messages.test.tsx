import type { Chat, Message, Pending } from '@rabble/client'
import { until } from '@rabble/harness'
import t from 'tap'
import { linesOf, useMessages } from '../src/index.ts'
import { joined, message, openRoom, refusal, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

function Conversation() {
  const { lines, hasOlder, loadOlder, isLoading, error } = useMessages('general')
  return (
    <>
      <p>{isLoading ? 'loading' : (error?.code ?? (hasOlder ? 'more' : 'all'))}</p>
      <button type="button" id="older" onClick={() => void loadOlder()}>
        Older
      </button>
      {lines.map(({ key, from, text, status, pending }) => (
        <li key={key}>
          {`${from?.name}: ${text}${status === 'sent' ? '' : `, ${status}`}`}
          {status === 'failed' && <button type="button" className="retry" onClick={() => pending?.retry()} />}
        </li>
      ))}
    </>
  )
}

const own = (id: string, cid: string | undefined, text: string): Message => ({
  ...message('general', id, text),
  from: { id: 'guest-ada', name: 'Ada' },
  ...(cid !== undefined && { cid }),
})

t.test('what is sent shows at once, and stays one line when it is acknowledged and comes back', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'send' ? null : undefined))
  const chat = gateway.connect()
  const page = mountIn(t, chat, <Conversation />)
  const room = chat.room('general')
  await until(() => room.status === 'joined', 30_000, 'the room')
  gateway.connections[0]?.send(message('general', 'm1', 'hello'))
  await page.shows('li', ['Bob: hello'])
  void room.send('good morning')
  await page.shows('li', ['Bob: hello', 'Ada: good morning, pending'])
  const row = page.container.querySelectorAll('li')[1]
  await until(() => gateway.frames('send').length === 1, 30_000, 'the frame')
  const [{ ref, cid = '' } = {}] = gateway.frames('send')
  gateway.connections[0]?.send({ type: 'sent', ref: ref ?? 0, id: 'm2' })
  await page.shows('li', ['Bob: hello', 'Ada: good morning'])
  t.equal(room.pending[0]?.status, 'sent')
  gateway.connections[0]?.send(own('m2', cid, 'good morning'))
  await until(() => room.pending.length === 0, 30_000, 'the message')
  gateway.connections[0]?.send(message('general', 'm3', 'bye'))
  await page.shows('li', ['Bob: hello', 'Ada: good morning', 'Bob: bye'])
  t.equal(page.container.querySelectorAll('li')[1], row, 'the same element')
})

t.test('a message that has failed says so, and can be sent again', async (t) => {
  let muted = true
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' && muted ? refusal(frame, 'forbidden') : undefined,
  )
  const chat = gateway.connect()
  const page = mountIn(t, chat, <Conversation />)
  await until(() => chat.room('general').status === 'joined', 30_000, 'the room')
  chat
    .room('general')
    .send('hello')
    .catch(() => {})
  await page.shows('li', ['Ada: hello, failed'])
  muted = false
  page.click('.retry')
  await page.shows('li', ['Ada: hello'])
  const cids = gateway.frames('send').map(({ cid }) => cid)
  t.equal(cids.length, 2)
  t.equal(cids[0], cids[1])
})

t.test('an edit shows at once in the line of its message', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'join') return joined(frame, { events: [own('m1', 'c1', 'helo')] })
    return frame.type === 'edit' ? null : undefined
  })
  const chat = gateway.connect()
  const page = mountIn(t, chat, <Conversation />)
  await page.shows('li', ['Ada: helo'])
  void chat.room('general').edit('m1', 'hello')
  await page.shows('li', ['Ada: hello, pending'])
})

t.test('older messages come before the others, and an error while loading them is told', async (t) => {
  let status: number | undefined = 403
  const { chat, gateway } = await openRoom(
    t,
    (frame) => {
      const events = [message('general', 'm3')]
      return frame.type === 'join' ? joined(frame, { events, complete: false }) : undefined
    },
    () => status ?? { messages: ['m1', 'm2'] },
  )
  const page = mountIn(t, chat, <Conversation />)
  await page.shows('p', ['more'])
  page.click('#older')
  await until(
    async () => {
      await gateway.clock.advance(10_000)
      return page.texts('p')[0] === 'unavailable'
    },
    30_000,
    'the error',
  )
  status = undefined
  page.click('#older')
  await page.shows('p', ['all'])
  await page.shows('li', ['Bob: m1', 'Bob: m2', 'Bob: m3'])
})

t.test('a message has one line even if history brings it before its acknowledgement', async (t) => {
  const user = { id: 'guest-ada', name: 'Ada' }
  const unsent = { type: 'send', cid: 'c1', text: 'hello', status: 'pending' } as Pending
  const foreign = { ...message('general', 'm1', 'mine'), cid: 'c1' }
  const messages = [foreign, own('m2', 'c1', 'hello')]
  t.match(linesOf([foreign], [unsent], user), [{ text: 'mine' }, { text: 'hello', status: 'pending' }])
  const lines = linesOf(messages, [unsent], user)
  t.match(lines, [{ text: 'mine' }, { text: 'hello', status: 'sent' }])
  t.equal(lines.length, 2)
  t.equal(linesOf(messages, [], user)[1], lines[1], 'a line that has not changed is the same object')
})

interface Meta {
  colour: string
}

// As an application does it once, for all of its components.
const useColouredMessages = useMessages<Meta>

t.test('the data of the application keeps its type from a hook to its lines and actions', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect() as unknown as Chat<Meta>
  const Colours = () => {
    const { lines, room } = useColouredMessages('general')
    const messages: (Message<Meta> | undefined)[] = lines.map(({ message }) => message)
    const send = () => room.send('blue', { meta: { colour: 'blue' } })
    // @ts-expect-error: it is not a string
    const wrong = () => room.send('blue', { meta: { colour: 1 } })
    return (
      <>
        {messages.map((message) => message && <li key={message.id}>{message.meta?.colour.toUpperCase()}</li>)}
        <button type="button" onClick={send} onDoubleClick={wrong} />
      </>
    )
  }
  const page = mountIn(t, chat, <Colours />)
  await chat.room('general').join()
  gateway.connections[0]?.send({ ...message('general', 'm1'), meta: { colour: 'red' } })
  await page.shows('li', ['RED'])
})
