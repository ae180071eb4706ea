import type { ServerFrame } from '@rabble/contract'
import { until } from '@rabble/harness'
import { memo } from 'react'
import t from 'tap'
import { useMessages, useReceipts } from '../src/index.ts'
import { joined, lose, message, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

const Row = memo(({ id, seenBy }: { id: string; seenBy: (id: string) => string[] }) => (
  <li>{`${id}: ${seenBy(id).sort().join()}`}</li>
))

function Seen() {
  const { lines } = useMessages('general')
  const { status, positions, seenBy } = useReceipts('general')
  return (
    <>
      <p>{`${status} ${positions.size}`}</p>
      {lines.map(({ key, message }) => message && <Row key={key} id={message.id} seenBy={seenBy} />)}
    </>
  )
}

/** Another component with the same hook. */
function Also() {
  return <i>{useReceipts('general').status}</i>
}

t.test('who has read a message follows positions and messages, over a lost connection', async (t) => {
  let receipts = [{ user: 'guest-bob', upTo: 'm1' }, { user: 'guest-cleo' }]
  const ada = { id: 'guest-ada', name: 'Ada' }
  const gateway = await startFakeGateway(t, (frame): ServerFrame | undefined => {
    if (frame.type === 'join') return joined(frame, { events: [{ ...message('general', 'm1'), from: ada }] })
    if (frame.type !== 'receipts') return undefined
    return { type: 'receipts', ref: frame.ref ?? 0, room: 'general', shown: true, receipts, version: 1 }
  })
  const chat = gateway.connect()
  const page = mountIn(t, chat, [<Seen key="1" />, <Also key="2" />])
  const send = (frame: ServerFrame) => gateway.connections.at(-1)?.send(frame)
  await page.shows('p', ['shown 2'])
  await page.shows('li', ['m1: guest-bob'])
  await page.shows('i', ['shown'])
  t.equal(gateway.frames('receipts').length, 1, 'components and strict mode share one request')

  // Without a frame about it: the author of a message has read those before it.
  send({ ...message('general', 'm2'), from: { id: 'guest-cleo', name: 'Cleo' } })
  await page.shows('li', ['m1: guest-bob,guest-cleo', 'm2: '])
  send({ type: 'read', room: 'general', receipts: [{ user: 'guest-bob', upTo: 'm2' }], version: 2 })
  await page.shows('li', ['m1: guest-bob,guest-cleo', 'm2: guest-bob'])

  receipts = [{ user: 'guest-bob', upTo: 'm1' }]
  await lose(gateway, chat)
  await page.shows('p', ['shown 1'])
  send({ type: 'receipts', room: 'general', shown: false, receipts: [], version: 5 })
  await page.shows('p', ['hidden 0'])

  page.render(<Also />)
  const asked = gateway.frames('receipts').length
  t.same(page.texts('i'), ['hidden'])
  page.render(null)
  await until(() => chat.rooms.length === 0, 30_000, 'the room to be left')
  page.render(<Also />)
  await page.shows('i', ['shown'])
  t.equal(gateway.frames('receipts').length, asked + 1, 'it is asked for anew after the last component')
})
