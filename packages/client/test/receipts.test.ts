import type { ServerFrame, ServerFrames } from '@rabble/contract'
import { until } from '@rabble/harness'
import t from 'tap'
import { getPrivacy, setPrivacy } from '../src/privacy.ts'
import { followReceipts } from '../src/receipts.ts'
import { joined, lose, message, refusal } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

const positions = (receipts: ServerFrames['receipts']['receipts'], more: object = {}) => ({
  ...{ type: 'receipts' as const, room: 'general', shown: true, receipts, version: 1 },
  ...more,
})
const ada = { id: 'guest-ada', name: 'Ada' }

t.test('read positions are asked for after each entry, and kept up to date', async (t) => {
  let answer = positions([
    { user: 'guest-ada', upTo: 'm1' },
    { user: 'guest-bob', upTo: 'm1' },
    { user: 'guest-cleo' },
  ])
  const failing = { once: true }
  const { chat, room, gateway, clock } = await openRoom(t, (frame): ServerFrame | undefined => {
    if (frame.type === 'join') {
      const events = ['m1', 'm2'].map((id) => ({ ...message('general', id), from: ada }))
      return joined(frame, { events })
    }
    if (frame.type !== 'receipts') return undefined
    if (failing.once) {
      failing.once = false
      return refusal(frame, 'unavailable')
    }
    return { ...answer, ref: frame.ref ?? 0 }
  })
  const receipts = followReceipts(room)
  t.teardown(() => receipts.close())
  let changes = 0
  receipts.subscribe(() => changes++)
  t.equal(receipts.getSnapshot().status, 'loading')
  await room.join()
  await until(() => gateway.frames('receipts').length === 1, 30_000, 'the first request')
  while (receipts.getSnapshot().status === 'loading') await clock.advance(500)
  t.same(
    [...receipts.getSnapshot().positions],
    [
      ['guest-bob', 'm1'],
      ['guest-cleo', ''],
    ],
  )
  t.same(receipts.seenBy('m1'), ['guest-bob'])
  t.same(receipts.seenBy('m2'), [])
  t.same(receipts.seenBy('unknown'), [])

  const send = (frame: ServerFrame) => gateway.connections.at(-1)?.send(frame)
  send({ type: 'read', room: 'elsewhere', receipts: [{ user: 'guest-bob', upTo: 'x' }], version: 2 })
  send({ type: 'read', room: 'general', receipts: [{ user: 'guest-cleo', upTo: 'm2' }], version: 2 })
  await until(() => receipts.seenBy('m2').length === 1, 30_000, 'Cleo')
  t.same(receipts.seenBy('m1').sort(), ['guest-bob', 'guest-cleo'])
  // An author has read what is before.
  send(message('general', 'm3'))
  await until(() => receipts.seenBy('m2').length === 2, 30_000, 'Bob')
  t.same(receipts.seenBy('m3'), [], 'the author is not among the readers')
  send({ type: 'read', room: 'general', receipts: [], removed: ['guest-bob'], version: 3 })
  await until(() => receipts.seenBy('m2').length === 1, 30_000, 'Bob to go')

  answer = positions([{ user: 'guest-bob', upTo: 'm3' }], { version: 4 })
  const before = changes
  await lose(gateway, chat)
  await until(() => receipts.getSnapshot().positions.get('guest-bob') === 'm3', 30_000, 'the new list')
  t.equal(receipts.getSnapshot().positions.size, 1)
  t.ok(changes > before)
  send(positions([], { shown: false, version: 5 }))
  await until(() => receipts.getSnapshot().status === 'hidden', 30_000, 'them to be hidden')
  t.same(receipts.seenBy('m1'), [])
  send({ type: 'privacy', receipts: true, presence: true, version: 6 })
  await until(() => receipts.getSnapshot().status === 'shown', 30_000, 'them to be asked for again')
  const second = followReceipts(room)
  const ends = () => gateway.frames('receipts').filter(({ follow }) => follow === false).length
  for (const one of [receipts, receipts]) one.close()
  await room.fetchMembers()
  t.equal(ends(), 0, 'the other one still follows the room')
  second.close()
  await until(() => ends() === 1, 30_000, 'the end')
  const asked = gateway.frames('receipts').length
  await lose(gateway, chat)
  await until(() => room.status === 'joined', 30_000, 'the room to be entered again')
  t.equal(gateway.frames('receipts').length, asked)
})

t.test('what others may see is asked for and changed', async (t) => {
  const { chat, gateway } = await openRoom(t, (frame): ServerFrame | undefined =>
    frame.type === 'privacy'
      ? {
          type: 'privacy',
          ref: frame.ref ?? 0,
          receipts: frame.receipts ?? true,
          presence: frame.presence ?? true,
        }
      : undefined,
  )
  await chat.ready
  t.same(await getPrivacy(chat), { receipts: true, presence: true })
  t.same(await setPrivacy(chat, { receipts: false }), { receipts: false, presence: true })
  t.match(gateway.frames('privacy'), [{ type: 'privacy' }, { receipts: false }])
  t.notOk('receipts' in (gateway.frames('privacy')[0] ?? {}))
})
