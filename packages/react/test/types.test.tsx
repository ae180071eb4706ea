import type { Chat, Message } from '@rabble/client'
import t from 'tap'
import { useMessages } from '../src/index.ts'
import { message, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

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
