import type { EditEvent } from '@rabble/contract'
import { connectChat } from '@rabble/harness'
import t from 'tap'
import { createWordFilter } from '../../src/messages/word-filter.ts'
import { build } from '../build.ts'

const room = 'general'
const words = ['heck', 'Straße', 'क्षण', 'l33t']

t.test('whole words are masked, in any case and form, and nothing else', (t) => {
  let counted = 0
  const wordFilter = { inc: () => void counted++ }
  const filter = createWordFilter({ words, action: 'mask' }, { wordFilter } as never)
  const cases = {
    'Oh heck!': 'Oh ****!',
    'HECK, Heck, ｈｅｃｋ': '****, ****, ****',
    'check hecks heck2 heck_no': 'check hecks heck2 ****_no',
    'in der STRAßE': 'in der ******',
    'एक क्षण': 'एक ****',
    l33t: '****',
    'h.e.c.k 🎉': 'h.e.c.k 🎉',
    '': '',
  }
  for (const [text, masked] of Object.entries(cases)) {
    const event: EditEvent = {
      ...{ type: 'edit', room, id: 'e', message: 'm', from: { id: 'ada', name: 'Ada' }, via: 'g' },
      ...{ at: '2026-11-22T10:00:00.000Z', text },
    }
    const filtered = filter(event)
    t.equal(filtered.text, masked, text)
    t.equal(filtered === event, text === masked, 'a text without such a word is not copied')
  }
  t.equal(counted, 6)
  t.end()
})

t.test('users write no blocked word in messages and edits, and programs may', async (t) => {
  const gateway = await build(t, { wordFilter: { words, action: 'mask' } })
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  for (const client of [ada, bob]) await client.join(room)
  const { id } = await ada.send(room, 'what the heck')
  await ada.edit(room, id, 'Heck!')
  const token = await gateway.tokens.sign({ id: 'deploys', name: 'Deploys' }, 600, ['service'])
  const program = await connectChat(t, gateway.ws, { token })
  await program.join(room)
  await program.send(room, 'heck from a program')
  await ada.sendTo(bob.user?.id ?? '', 'heck, for you')
  await bob.sees((await ada.send(room, 'the end')).id)
  const seen = bob.events(room).map((event) => ('text' in event ? event.text : event.type))
  t.same(seen, ['what the ****', '****!', 'heck from a program', 'the end'])
  const direct = await bob.waitFor((frame) => frame.type === 'message' && frame.room.startsWith('dm:'))
  t.match(direct, { text: '****, for you' })
  t.equal(await gateway.metric('rabble_gateway_word_filter_total', { action: 'mask' }), 3)
})

t.test('or such messages are refused, and the sender is told', async (t) => {
  const gateway = await build(t, { wordFilter: { words, action: 'refuse' } })
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join(room)
  const { id } = await ada.send(room, 'good')
  await t.rejects(ada.send(room, 'what the heck'), { code: 'refused' })
  await t.rejects(ada.edit(room, id, 'heck'), { code: 'refused' })
  await ada.send(room, 'check')
  t.same(
    ada.events(room).map((event) => ('text' in event ? event.text : event.type)),
    ['good', 'check'],
  )
  t.equal(await gateway.metric('rabble_gateway_word_filter_total', { action: 'refuse' }), 2)
})
