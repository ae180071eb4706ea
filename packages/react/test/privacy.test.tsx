import type { ServerFrame } from '@rabble/contract'
import t from 'tap'
import { usePrivacy } from '../src/index.ts'
import { lose, refusal, startFakeGateway } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

function Choices() {
  const { privacy, change, error } = usePrivacy()
  return (
    <p>
      <button type="button" onClick={() => void change({ presence: false })} />
      {privacy === undefined ? 'unknown' : `receipts ${privacy.receipts}, presence ${privacy.presence}`}
      {error !== undefined && `, ${error.code}`}
    </p>
  )
}

t.test('what others may see follows this device and the others, and an error is told', async (t) => {
  const choices = { receipts: true, presence: true }
  let refuses = false
  const gateway = await startFakeGateway(t, (frame): ServerFrame | undefined => {
    if (frame.type !== 'privacy') return undefined
    if (refuses) return refusal(frame, 'rate-limited')
    const { receipts = choices.receipts, presence = choices.presence } = frame
    Object.assign(choices, { receipts, presence })
    return { type: 'privacy', ref: frame.ref ?? 0, ...choices }
  })
  const chat = gateway.connect()
  const page = mountIn(t, chat, [<Choices key="1" />, <Choices key="2" />])
  const both = (text: string) => page.shows('p', [text, text])
  await both('receipts true, presence true')
  t.equal(gateway.frames('privacy').length, 1, 'components and strict mode share one request')
  page.click('button')
  await both('receipts true, presence false')
  // Another device.
  gateway.connections[0]?.send({ type: 'privacy', receipts: false, presence: false, version: 7 })
  await both('receipts false, presence false')
  refuses = true
  page.click('button')
  await both('receipts false, presence false, rate-limited')
  refuses = false
  Object.assign(choices, { receipts: false, presence: true })
  await lose(gateway, chat)
  await both('receipts false, presence true')
})
