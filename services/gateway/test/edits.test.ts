import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import type { ChatEvent, MessageEvent } from '@rabble/contract'
import { type ChatClient, connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'
import { enter } from './enter.ts'
import { createFakeHistory } from './fake-history.ts'
import { createMemoryLog } from './memory-log.ts'
import { passing } from './time.ts'

/** Sends a message, and waits until it came back. */
async function say(client: ChatClient, text: string): Promise<string> {
  const { id } = await client.send('general', text)
  await client.sees(id)
  return id
}

function old(id: string, from = 'ada', more: Partial<MessageEvent> = {}): MessageEvent {
  const at = '2026-11-22T10:00:00.000Z'
  const author = { id: from, name: from }
  return {
    type: 'message',
    room: 'general',
    id,
    from: author,
    text: 'long ago',
    at,
    via: 'gateway-0',
    ...more,
  }
}

t.test('who said something edits and deletes it, and all gateways tell it in one order', async (t) => {
  const log = createMemoryLog()
  const [one, two] = await Promise.all([build(t, { log }), build(t, { log })])
  const ada = await enter(t, one, 'ada')
  const bob = await enter(t, two, 'bob')
  const again = await enter(t, two, 'ada')
  const first = await say(ada, 'helo')
  const second = await say(ada, 'a secret')
  const edited = await ada.edit('general', first, 'hello \ud800', { cid: '1' })
  const deleted = await again.delete('general', second)
  const last = await say(ada, 'that is all')
  await Promise.all([ada, bob, again].map((client) => client.sees(last)))
  const [, , edit, deletion] = bob.events('general')
  const from = { id: 'ada', name: 'ada' }
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  const rest = { room: 'general', from, at }
  const expected = { ...rest, type: 'edit', id: edited.id, message: first, cid: '1', text: 'hello \ufffd' }
  t.match(edit, { ...expected, via: one.gateway.id })
  t.match(deletion, { ...rest, type: 'delete', id: deleted.id, message: second, via: two.gateway.id })
  for (const client of [ada, again]) t.strictSame(client.events('general'), bob.events('general'))
  t.ok([edit, deletion].every((event) => !('moderator' in (event ?? {}))))
})

t.test('others may not change a message, moderators may, and it is told that they did', async (t) => {
  const gateway = await build(t)
  const ada = await enter(t, gateway, 'ada')
  const bob = await enter(t, gateway, 'bob', ['gardener'])
  const mod = await enter(t, gateway, 'mod', ['gardener', 'moderator'])
  const guest = await connectChat(t, gateway.ws, { name: 'ada' })
  await guest.join('general')
  const id = await say(ada, 'hi')
  for (const client of [bob, guest]) {
    await t.rejects(client.edit('general', id, 'ho'), { code: 'forbidden' })
    await t.rejects(client.delete('general', id), { code: 'forbidden' })
  }
  t.equal(gateway.log.length, 2, 'nothing of that stands in the log')
  const own = await say(mod, 'I am a moderator')
  const changes = [
    await mod.edit('general', id, 'moderated'),
    await mod.delete('general', id),
    await mod.delete('general', own),
  ]
  await bob.sees(changes.at(-1)?.id ?? '')
  t.match(bob.events('general').slice(-3), [
    { type: 'edit', from: { id: 'mod' }, moderator: true, text: 'moderated' },
    { type: 'delete', message: id, moderator: true },
    { type: 'delete', message: own, moderator: undefined },
  ])
})

t.test('an edit or a deletion that breaks a rule is answered with its error', async (t) => {
  const gateway = await build(t, { history: createFakeHistory(), limits: { textCharacters: 10 } })
  const ada = await enter(t, gateway, 'ada')
  const bob = await enter(t, gateway, 'bob')
  const id = await say(ada, 'hi')
  const { id: direct } = await ada.sendTo('bob', 'psst')
  await ada.sees(direct)
  await ada.join('other')
  const refused: [string, () => Promise<unknown>, string][] = [
    ['an empty text', () => ada.edit('general', id, ''), 'bad-frame'],
    ['a long text', () => ada.edit('general', id, 'x'.repeat(11)), 'too-large'],
    ['a room that was not joined', () => ada.edit('elsewhere', id, 'x'), 'not-joined'],
    ['deleting there', () => ada.delete('elsewhere', id), 'not-joined'],
    ['the direct messages of others', () => ada.edit('dm:bob:eve', id, 'x'), 'forbidden'],
    ['what the system says to all', () => ada.delete('*', id), 'forbidden'],
    ['what it says to one', () => ada.delete('user:ada', id), 'forbidden'],
    ['no room', () => ada.delete('a:b', id), 'bad-frame'],
    ['a message of another room', () => ada.edit('other', id, 'x'), 'message-not-found'],
    ['what the other one said in private', () => bob.edit('dm:ada:bob', direct, 'x'), 'forbidden'],
  ]
  const before = gateway.log.length
  for (const [what, request, code] of refused) await t.rejects(request(), { code }, what)
  t.equal(gateway.log.length, before)
  t.equal(await gateway.metric('rabble_gateway_frames_refused_total'), refused.length)
  await ada.edit('dm:ada:bob', direct, 'psst!')
  await bob.waitFor((frame) => frame.type === 'edit' && frame.text === 'psst!')
  await ada.edit('general', id, '😀😀😀😀😀😀😀😀😀😀')
})

t.test('what is deleted can’t be edited; deleted again, it is only acknowledged again', async (t) => {
  const gateway = await build(t)
  const ada = await enter(t, gateway, 'ada')
  const bob = await enter(t, gateway, 'bob')
  const id = await say(ada, 'hi')
  const first = await ada.delete('general', id)
  await ada.sees(first.id)
  const length = gateway.log.length
  t.equal((await ada.delete('general', id)).id, first.id)
  await t.rejects(ada.edit('general', id, 'back'), { code: 'message-not-found' })
  await t.rejects(bob.delete('general', id), { code: 'forbidden' })
  t.equal(gateway.log.length, length)
})

t.test('the same cid again is the same edit, over another gateway too', async (t) => {
  const log = createMemoryLog()
  const [one, two] = await Promise.all([build(t, { log }), build(t, { log })])
  const ada = await enter(t, one, 'ada')
  const ada2 = await enter(t, two, 'ada')
  const id = await say(ada, 'hi')
  await ada2.sees(id)
  const edits = await Promise.all(
    [ada, ada2, ada, ada2].map((client) => client.edit('general', id, 'ho', { cid: 'same' })),
  )
  t.equal(new Set(edits.map((edit) => edit.id)).size, 1)
  await ada.edit('general', id, 'another')
  const other = await say(ada, 'last')
  await ada2.sees(other)
  for (const client of [ada, ada2]) {
    const texts = client.events('general').map((event: Partial<ChatEvent>) => 'text' in event && event.text)
    t.strictSame(texts, ['hi', 'ho', 'another', 'last'])
  }
})

t.test('edits and deletions count as messages for the limit of a session', async (t) => {
  const gateway = await build(t, {
    // The rate is so low that a slow machine gains no further message.
    limits: { messagesPerSecond: 0.001, messageBurst: 3 },
  })
  const ada = await enter(t, gateway, 'ada')
  const id = await say(ada, 'hi')
  await ada.edit('general', id, 'ho')
  await ada.delete('general', id)
  await t.rejects(ada.edit('general', id, 'ho'), { code: 'rate-limited' })
  await t.rejects(ada.delete('general', id), { code: 'rate-limited' })
})

t.test('who may change an old message is known from history', async (t) => {
  const history = createFakeHistory()
  const gateway = await build(t, { history })
  const deleted = { by: { id: 'ada', name: 'ada' }, at: '2026-11-22T10:00:00.000Z' }
  for (const message of [old('a'), old('b', 'bob'), old('c', 'ada', { text: '', deleted })])
    history.messages.set(message.id, message)
  const ada = await enter(t, gateway, 'ada')
  const mod = await enter(t, gateway, 'mod', ['moderator'])
  await ada.edit('general', 'a', 'not so long ago')
  await t.rejects(ada.delete('general', 'b'), { code: 'forbidden' })
  await t.rejects(ada.edit('general', 'c', 'x'), { code: 'message-not-found' })
  t.equal(await gateway.metric('rabble_gateway_lookups_total'), 3)
  await mod.delete('general', 'b')
  await ada.delete('general', 'c')
  const { id } = await ada.delete('general', 'a')
  await ada.sees(id)
  t.match(ada.events('general'), [{ message: 'a' }, { message: 'b', moderator: true }, { message: 'a' }])
  await t.rejects(ada.edit('general', 'a', 'x'), { code: 'message-not-found' }, 'history is behind, not we')
})

t.test('only what history surely doesn’t have is said not to exist', async (t) => {
  const clock = createManualClock()
  const history = createFakeHistory()
  const historyTimes = { timeout: 5_000, notFoundGrace: 750 }
  const gateway = await build(t, { history, historyTimes, clock })
  const ada = await enter(t, gateway, 'ada')
  await say(ada, 'hi')
  const edit = (client: ChatClient) => passing(clock, 500, client.edit('general', 'nobody-knows-it', 'x'))
  await t.rejects(edit(ada), { code: 'message-not-found' })
  history.through = 0
  await t.rejects(edit(ada), { code: 'unavailable' }, 'history is behind')
  history.down = true
  await t.rejects(edit(ada), { code: 'unavailable' }, 'history is down')
  t.ok((await gateway.metric('rabble_gateway_history_errors_total')) > 0)
  const alone = await enter(t, await build(t, { historyTimes, clock }), 'ada')
  await t.rejects(edit(alone), { code: 'unavailable' }, 'there is no history')
})

t.test('a history that lags is waited for', async (t) => {
  const history = createFakeHistory()
  const gateway = await build(t, { history })
  const ada = await enter(t, gateway, 'ada')
  await say(ada, 'hi')
  history.through = null
  const edit = ada.edit('general', 'a', 'x')
  await until(() => history.asked > 1, 60_000, 'a second question')
  history.messages.set('a', old('a'))
  t.match(await edit, { type: 'sent' })
})

t.test('who has gone before it was known whose message it is, changes nothing', async (t) => {
  const history = createFakeHistory()
  const gateway = await build(t, { history })
  const ada = await enter(t, gateway, 'ada')
  await say(ada, 'hi')
  const before = gateway.log.length
  history.through = null
  const edit = ada.edit('general', 'a', 'x')
  await until(() => history.asked > 1, 60_000, 'a second question')
  await Promise.all([t.rejects(edit, { code: 'closed' }), ada.close()])
  await until(async () => (await gateway.metric('rabble_gateway_connections')) === 0, 60_000, 'the end')
  history.messages.set('a', old('a'))
  const refused = () => gateway.metric('rabble_gateway_frames_refused_total', { code: 'unauthorized' })
  await until(async () => (await refused()) === 1, 60_000, 'the edit to be refused')
  t.equal(gateway.log.length, before)
})

t.test('a message can be changed as soon as it is acknowledged, though the log is slow', async (t) => {
  const log = createMemoryLog()
  let open = Promise.resolve()
  const slow = {
    ...log,
    async *read(...[partition, from, signal]: Parameters<typeof log.read>) {
      for await (const batches of log.read(partition, from, signal)) {
        await open
        yield batches
      }
    },
  }
  const history = createFakeHistory()
  const historyTimes = { timeout: 60_000, notFoundGrace: 60_000 }
  const gateway = await build(t, { log: slow, history, historyTimes })
  const ada = await enter(t, gateway, 'ada')
  const arrival = new Deferred<void>()
  open = arrival.promise
  const { id } = await ada.send('general', 'helo')
  t.strictSame(ada.events('general'), [], 'it has not come back yet')
  const edit = ada.edit('general', id, 'hello')
  await until(() => history.asked > 0, 60_000, 'the gateway to look for it')
  arrival.resolve()
  t.match(await edit, { type: 'sent' })
})

t.test('however many ask for old messages, history gets a few questions at a time', async (t) => {
  const history = createFakeHistory()
  const gateway = await build(t, { history })
  history.messages.set('a', old('a'))
  const clients = await Promise.all(Array.from({ length: 20 }, () => enter(t, gateway, 'ada')))
  await Promise.all(clients.map((client, n) => client.edit('general', 'a', `${n}`)))
  t.equal(history.asked, 20)
  t.ok(history.maxAtOnce <= 8, `${history.maxAtOnce} at a time`)
})
