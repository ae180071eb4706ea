import { until } from '@rabble/harness'
import t from 'tap'
import { useMessages, useReactions } from '../src/index.ts'
import { joined, message, refusal, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

const ada = { id: 'guest-ada', name: 'Ada' }
const bob = { id: 'guest-bob', name: 'Bob' }

type Line = ReturnType<typeof useMessages>['lines'][number]
type Room = ReturnType<typeof useMessages>['room']

function Reactions({ room, said }: { room: Room; said: NonNullable<Line['message']> }) {
  const { reactions, toggle, error } = useReactions(room, said)
  return (
    <p>
      <button type="button" onClick={() => void toggle('👍')}>
        {said.text}:{' '}
        {reactions.map(({ emoji, count, isMine }) => `${emoji} ${count}${isMine ? ' mine' : ''}`).join(', ')}
      </button>
      <i>{error?.code}</i>
    </p>
  )
}

function Said() {
  const { room, lines } = useMessages('general')
  return lines.map(({ key, message }) => message && <Reactions key={key} room={room} said={message} />)
}

/** Returns the event by which a user reacts to m1. */
function reaction(id: string, from: typeof ada, revision: number, remove?: true) {
  const place = {
    type: 'reaction',
    room: 'general',
    id,
    message: 'm1',
    at: '2026-11-22T10:03:00.000Z',
  } as const
  return { ...place, from, via: 'fake', emoji: '👍', revision, ...(remove && { remove }) }
}

t.test('reactions follow each event, and a click adds or takes back the own one', async (t) => {
  let refuses = false
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'join') return joined(frame, { events: [message('general', 'm1')] })
    if (frame.type !== 'react') return undefined
    return refuses ? refusal(frame, 'too-large') : { type: 'sent', ref: frame.ref ?? 0, id: 'e' }
  })
  const page = mountIn(t, gateway.connect(), <Said />)
  await page.shows('button', ['m1: '])
  const send = (event: object) => gateway.connections[0]?.send(event as never)
  /** Waits until the gateway has answered so many frames. */
  const asked = (count: number) =>
    until(() => gateway.frames('react').length === count, 30_000, `${count} frames`)

  send(reaction('r1', bob, 1))
  await page.shows('button', ['m1: 👍 1'])
  page.click('button')
  await asked(1)
  send(reaction('r2', ada, 1))
  await page.shows('button', ['m1: 👍 2 mine'])
  page.click('button')
  await asked(2)
  send(reaction('r3', ada, 2, true))
  await page.shows('button', ['m1: 👍 1'])

  refuses = true
  page.click('button')
  await page.shows('i', ['too-large'])
  t.match(gateway.frames('react'), [
    { id: 'm1', emoji: '👍', remove: false },
    { id: 'm1', emoji: '👍', remove: true },
    { id: 'm1', emoji: '👍', remove: false },
  ])
})
