import { until } from '@rabble/harness'
import t from 'tap'
import { useConversations, useUnread } from '../src/index.ts'
import { lose, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

function People() {
  const { conversations, markRead } = useConversations()
  return conversations.map(({ room, unread }) => (
    <li key={room}>
      <button type="button" onClick={() => void markRead(room, 'm9')}>{`${room}: ${unread}`}</button>
    </li>
  ))
}

function Sum() {
  return <b>{`${useUnread()} in all, ${useUnread('general')} in general`}</b>
}

function state(room: string, unread: number, version: number, more: object = {}) {
  return { room, unread, mentions: 0, muted: false, count: 10 + unread, version, ...more }
}

t.test(
  'conversations with what is unread follow all changes, and are listed anew after an absence',
  async (t) => {
    let conversations = [state('general', 2, 5), state('dm:guest-ada:guest-bob', 1, 5)]
    const gateway = await startFakeGateway(t, (frame) =>
      frame.type === 'watch' ? { type: 'watching', ref: frame.ref ?? 0, conversations } : undefined,
    )
    const chat = gateway.connect()
    const page = mountIn(t, chat, [<People key="1" />, <Sum key="2" />])
    const send = (frame: object) => gateway.connections[0]?.send(frame as never)
    await page.shows('li', ['general: 2', 'dm:guest-ada:guest-bob: 1'])
    await page.shows('b', ['3 in all, 2 in general'])
    t.equal(gateway.frames('watch').length, 1, 'both components share the list')

    send({ type: 'activity', room: 'dm:guest-ada:guest-bob', count: 13, last: 'm8', version: 7 })
    await page.shows('li', ['dm:guest-ada:guest-bob: 3', 'general: 2'])
    const read = state('dm:guest-ada:guest-bob', 0, 9, { count: 13 })
    send({ type: 'conversation', room: read.room, conversation: read, version: 9 })
    send({ type: 'conversation', room: read.room, conversation: state(read.room, 3, 8), version: 8 })
    await page.shows('li', ['dm:guest-ada:guest-bob: 0', 'general: 2'])
    await page.shows('b', ['2 in all, 2 in general'])
    send({ type: 'conversation', room: 'general', version: 10 })
    await page.shows('li', ['dm:guest-ada:guest-bob: 0'])

    conversations = [state('random', 4, 11)]
    await lose(gateway, chat)
    await until(() => chat.status === 'open', 30_000, 'the second connection')
    await page.shows('li', ['random: 4'])
  },
)
