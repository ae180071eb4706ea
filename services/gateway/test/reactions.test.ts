import { createManualClock } from '@rabble/clock/manual'
import { type ChatClient, connectChat } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'
import { enter } from './enter.ts'
import { createFakeHistory } from './fake-history.ts'
import { createMemoryLog } from './memory-log.ts'

/** Sends a message, and waits until these clients have it. */
async function say(author: ChatClient, ...others: ChatClient[]): Promise<string> {
  const { id } = await author.send('general', 'hi')
  await Promise.all([author, ...others].map((client) => client.sees(id)))
  return id
}

t.test('reactions reach all, each step once, and who joins later gets them with the message', async (t) => {
  const log = createMemoryLog()
  const [one, two] = await Promise.all([build(t, { log }), build(t, { log })])
  const ada = await enter(t, one, 'ada')
  const again = await enter(t, two, 'ada')
  const bob = await enter(t, two, 'bob')
  const id = await say(ada, again, bob)
  const before = log.length
  const answers = await Promise.all(
    [ada, again, ada, again].map((client) => client.react('general', id, '👍')),
  )
  t.equal(new Set(answers.map((answer) => answer.id)).size, 1, 'the same step over two gateways is one event')
  const first = answers[0]?.id ?? ''
  await Promise.all([ada, again, bob].map((client) => client.sees(first)))
  t.equal((await again.react('general', id, '👍')).id, first)
  t.equal(log.length - before, 1)
  t.match(bob.events('general').at(-1), {
    type: 'reaction',
    id: first,
    message: id,
    from: { id: 'ada', name: 'ada' },
    emoji: '👍',
    revision: 1,
    remove: undefined,
  })

  // Later frames don't wait until earlier ones have come back.
  const toggled = await Promise.all([
    bob.react('general', id, '\u2764'),
    bob.react('general', id, '❤️', true),
    bob.react('general', id, '❤️'),
    bob.react('general', id, '👍'),
  ])
  t.equal(new Set(toggled.map((sent) => sent.id)).size, 4)
  const last = await ada.react('general', id, '👍', true)
  await Promise.all([ada, again, bob].map((client) => client.sees(last.id)))
  const nothing = log.length
  await ada.react('general', id, '👍', true)
  await ada.react('general', id, '🎉', true)
  t.equal(log.length, nothing, 'what is not there need not be taken back')

  const reactions = [
    { emoji: '👍', count: 1, users: ['bob'] },
    { emoji: '❤️', count: 1, users: ['bob'] },
  ]
  // A gateway that starts now reads the same from the log.
  for (const url of [one.ws, two.ws, (await build(t, { log })).ws]) {
    const eve = await connectChat(t, url, { name: 'Eve' })
    await eve.join('general')
    t.match(eve.events('general'), [
      { id, reactions, reacted: last.id },
      { id: last.id, reactions },
    ])
    t.equal(eve.events('general').length, 2)
    const back = await connectChat(t, url, { name: 'Eve' })
    t.match(await back.join('general', { after: first }), { complete: true, events: [{ reactions }] })
    for (const client of [eve, back]) await client.close()
  }

  const deleted = await ada.delete('general', id)
  await bob.sees(deleted.id)
  await t.rejects(bob.react('general', id, '👍'), { code: 'message-not-found' })
  const { events } = await (await connectChat(t, two.ws, { name: 'Zoë' })).join('general')
  t.notMatch(JSON.stringify(events), /reacti/)
})

t.test(
  'a reaction that breaks a rule is answered with its error, and direct messages have reactions too',
  async (t) => {
    const gateway = await build(t, { history: createFakeHistory() })
    const ada = await enter(t, gateway, 'ada')
    const bob = await enter(t, gateway, 'bob')
    const eve = await enter(t, gateway, 'eve')
    const id = await say(ada, bob)
    const { id: direct } = await ada.sendTo('bob', 'psst')
    await bob.sees(direct)
    const before = gateway.log.length
    for (const [what, request, code] of [
      ['a text', () => ada.react('general', id, 'yes'), 'bad-frame'],
      ['two emoji', () => ada.react('general', id, '👍👍'), 'bad-frame'],
      ['none', () => ada.react('general', id, ''), 'bad-frame'],
      ['a room that was not joined', () => ada.react('elsewhere', id, '👍'), 'not-joined'],
      ['what the system says to all', () => ada.react('*', id, '👍'), 'forbidden'],
      ['the direct messages of others', () => eve.react('dm:ada:bob', direct, '👍'), 'forbidden'],
      ['a message of another room', () => ada.react('general', direct, '👍'), 'message-not-found'],
    ] as const) {
      await t.rejects(request(), { code }, what)
    }
    t.equal(gateway.log.length, before)
    const { id: reaction } = await bob.react('dm:ada:bob', direct, '👍')
    await Promise.all([ada.sees(reaction), bob.sees(reaction)])
    t.notOk(eve.frames.some(({ type }) => type === 'reaction'))
    const emoji = [...'😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓']
    for (const one of emoji) await ada.sees((await bob.react('general', id, one)).id)
    await t.rejects(ada.react('general', id, '🎉'), { code: 'too-large' })
    await ada.react('general', id, '😀')
  },
)

t.test(
  'of an older message, history tells how often the user has reacted, or nothing is published',
  async (t) => {
    const history = createFakeHistory()
    const from = { id: 'ada', name: 'ada' }
    const fields = { room: 'general', from, at: '2026-11-22T10:00:00.000Z', via: 'gateway-0' }
    history.messages.set('old', { ...fields, type: 'message', id: 'old', text: 'long ago' })
    for (const revision of [1, 2, 3]) {
      const remove = revision === 2 ? ({ remove: true } as const) : {}
      const reaction = {
        ...fields,
        type: 'reaction',
        message: 'old',
        emoji: '👍',
        ...remove,
        revision,
      } as const
      history.messages.set(`r${revision}`, { ...reaction, id: `r${revision}` })
    }
    const gateway = await build(t, { history, historyTimes: { timeout: 500, notFoundGrace: 0 } })
    const ada = await enter(t, gateway, 'ada')
    const before = gateway.log.length
    await ada.react('general', 'old', '👍')
    t.equal(gateway.log.length, before)
    const { id } = await ada.react('general', 'old', '👍', true)
    await ada.sees(id)
    t.match(ada.events('general'), [{ id, revision: 4, remove: true, reactions: undefined }])
    // This gateway has read the reaction, which history does not have yet.
    history.down = true
    await t.rejects(ada.react('general', 'old', '🎉'), { code: 'unavailable' })
    t.equal(gateway.log.length, before + 1)
  },
)

t.test(
  'signals go to all sessions in the room over all gateways, within their limits, and into no log',
  async (t) => {
    const log = createMemoryLog()
    const clock = createManualClock()
    const [one, two] = await Promise.all([build(t, { log, clock }), build(t, { log, clock })])
    const ada = await enter(t, one, 'ada')
    const bob = await enter(t, two, 'bob')
    const other = await connectChat(t, two.ws, { name: 'Eve' })
    const signal = (client: ChatClient, more: object) =>
      client.raw(JSON.stringify({ type: 'signal', ...more }))
    const isSignal = ({ type }: { type: string }) => type === 'signal'
    const before = log.length
    const data = { x: 1, y: [2, null, '\ud800'] }
    signal(ada, { room: 'general', name: 'cursor', data, extra: 1 })
    signal(ada, { room: 'dm:ada:bob', name: 'call.ring' })
    const direct = await bob.waitFor((frame) => frame.type === 'signal' && frame.room === 'dm:ada:bob')
    const from = { id: 'ada', name: 'ada' }
    t.strictSame(direct, { type: 'signal', room: 'dm:ada:bob', from, name: 'call.ring' })
    t.strictSame(bob.frames.find(isSignal), { type: 'signal', room: 'general', from, name: 'cursor', data })
    t.equal(ada.frames.filter(isSignal).length, 2, 'the sender gets them, too')
    const text = 'x'.repeat(1022)
    for (const [more, code] of [
      [{ room: 'general', name: 'big', data: `${text}x` }, 'too-large'],
      [{ room: 'general', name: '1st' }, 'bad-frame'],
      [{ room: 'general', name: 'a b' }, 'bad-frame'],
      [{ room: 'general', name: 'x'.repeat(33) }, 'bad-frame'],
      [{ room: 'other', name: 'cursor' }, 'not-joined'],
      [{ room: '*', name: 'cursor' }, 'forbidden'],
    ] as const) {
      await t.rejects(ada.request({ type: 'signal', ...more }), { code })
    }
    for (let n = 0; n < 17; n++) signal(ada, { room: 'general', name: 'n' })
    signal(ada, { room: 'general', name: 'last', data: text })
    await bob.waitFor((frame) => frame.type === 'signal' && frame.name === 'last')
    await t.rejects(ada.request({ type: 'signal', room: 'general', name: 'n' }), { code: 'rate-limited' })
    t.notOk(other.frames.some(isSignal), 'only for those in the room')
    t.equal(log.length, before)
  },
)
