import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import { eventId, guestId } from '@rabble/contract/ids'
import { type ChatClient, connectChat, createRandom, inForm, until } from '@rabble/harness'
import t from 'tap'
import { build } from '../build.ts'
import { enter } from '../enter.ts'
import { asProgram } from '../external-publish/program.ts'
import { createFakeHistory } from '../fake-history.ts'
import { createMemoryLog, type MemoryLog } from '../memory-log.ts'
import { buildWithRooms } from '../rooms-build.ts'
import { type Answer, type Question, startHook } from './hook.ts'

const room = 'general'
const rude = { action: 'refuse', reason: 'Mind your words.' }

/** Returns the texts in the log. */
function texts(log: MemoryLog): string[] {
  const entries = log.kept.flat().flatMap(({ batch }) => batch.entries)
  return entries.flatMap(({ event }) => ('text' in event ? [String(event.text)] : []))
}

/** Allows, changes or refuses as the first word of the text says. */
function obedient({ text }: Question): Answer {
  if (text.startsWith('refuse')) return rude
  if (text.startsWith('change'))
    return { action: 'change', text: `${text}, friends`, meta: { checked: true } }
  if (text.startsWith('bare')) return { action: 'change', meta: null }
  return text.startsWith('empty') ? { status: 204 } : { action: 'allow' }
}

for (const transport of ['websocket', 'sse', 'socketio'] as const) {
  t.test(`over ${transport}, the hook allows, changes and refuses messages and edits`, async (t) => {
    const hook = await startHook(t, obedient)
    const gateway = await build(t, { beforePublish: hook.options })
    const ada = await connectChat(t, gateway.ws, { name: 'Ada', transport })
    const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
    for (const client of [ada, bob]) await client.join(room)
    const say = (text: string) => ada.request({ type: 'send', room, text, meta: { mood: 'good' } })
    const { id } = await say('allow it')
    await say('empty answer')
    await say('change it')
    await say('bare words')
    await t.rejects(say('refuse it'), { code: 'refused', message: /Mind your words\./ })
    await ada.edit(room, id, 'change me')
    await t.rejects(ada.edit(room, id, 'refuse me'), { code: 'refused' })
    await ada.delete(room, id)
    await bob.sees((await say('the end')).id)
    const seen = bob.events(room).map((event) => ('text' in event ? event.text : event.type))
    const said = ['allow it', 'empty answer', 'change it, friends', 'bare words']
    t.same(seen, [...said, 'change me, friends', 'delete', 'the end'])
    const metas = bob.messages(room).map(({ meta }) => meta)
    t.same(metas, [{ mood: 'good' }, { mood: 'good' }, { checked: true }, undefined, { mood: 'good' }])
    t.equal(hook.questions.length, 8, 'a deletion is no question')
    t.equal(hook.connections, 1, 'the connection is kept')
    for (const [outcome, count] of Object.entries({ allowed: 3, changed: 3, refused: 2 }))
      t.equal(await gateway.metric('rabble_gateway_before_publish_total', { outcome }), count, outcome)
  })
}

t.test('a question has the event and the roles, signed as Standard Webhooks says', async (t) => {
  const hook = await startHook(t, obedient)
  const clock = createManualClock()
  const gateway = await build(t, { beforePublish: hook.options, clock })
  const ada = await enter(t, gateway, 'ada', ['moderator'])
  const { id } = await ada.request({ type: 'send', room, text: 'grüße', cid: 'c', meta: { a: 1 } })
  await ada.sendTo('bob', 'in private')
  await ada.edit(room, id, 'once more')
  const [first, direct, edit] = hook.questions
  const at = new Date(clock.now()).toISOString()
  const from = { id: 'ada', name: 'ada' }
  const event = { type: 'message', room, id, cid: 'c', from, text: 'grüße', at, meta: { a: 1 } }
  t.match(first, { type: 'before-publish', timestamp: at, event, roles: ['moderator'] })
  t.match(direct, { event: { room: 'dm:ada:bob' } }, 'direct messages are checked, too')
  t.match(edit, { event: { type: 'edit', message: id, text: 'once more' } })
  for (const { headers, raw, event } of hook.questions) {
    const [name, time] = [headers['webhook-id'], headers['webhook-timestamp']]
    t.same([name, time], [event.id, `${Math.floor(clock.now() / 1000)}`])
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
    const code = createHmac('sha256', key).update(`${name}.${time}.${raw}`).digest('base64')
    t.equal(headers['webhook-signature'], `v1,${code}`)
    t.equal(headers['content-type'], 'application/json')
  }
})

t.test('the programs of the operator are not asked about, over HTTP or in a session', async (t) => {
  const hook = await startHook(t, () => rude)
  const gateway = await build(t, { beforePublish: hook.options })
  const robot = await enter(t, gateway, 'robot', ['service'])
  await robot.send(room, 'as a member')
  const post = await asProgram(gateway)
  t.equal((await post(`rooms/${room}/messages`, { text: 'over HTTP' })).status, 201)
  t.equal((await post('notify', { room, text: 'from the system' })).status, 201)
  t.same(texts(gateway.log), ['as a member', 'over HTTP', 'from the system'])
  t.equal(hook.questions.length, 0)
})

t.test('an event that is sent again keeps its content, and a refusal is final for its cid', async (t) => {
  let asked = 0
  const hook = await startHook(t, ({ text }) =>
    text === 'no'
      ? { ...rude, reason: `No, for the ${++asked}. time.` }
      : { action: 'change', text: `${++asked}` },
  )
  const gateway = await build(t, { beforePublish: hook.options })
  const ada = await enter(t, gateway, 'ada')
  const { id } = await ada.send(room, 'yes', { cid: 'yes' })
  t.equal((await ada.send(room, 'yes', { cid: 'yes' })).id, id)
  const refused = { code: 'refused', message: /No, for the 2\. time\./ }
  await t.rejects(ada.send(room, 'no', { cid: 'no' }), refused)
  await t.rejects(ada.send(room, 'yes', { cid: 'no' }), refused, 'the same message, whatever it says')
  const again = await enter(t, gateway, 'ada')
  await t.rejects(again.send(room, 'no', { cid: 'no' }), refused, 'over another session')
  t.same(texts(gateway.log), ['1'])
  t.equal(hook.questions.length, 2)
})

t.test('an event that history has is not asked about, and an old one that it lacks is', async (t) => {
  const hook = await startHook(t, obedient)
  const [log, history] = [createMemoryLog(), createFakeHistory()]
  history.through = log.last
  const { ws } = await build(t, { log, history, beforePublish: hook.options })
  const from = { id: guestId('Ada'), name: 'Ada' }
  const stored = { type: 'message', room, from, text: 'x', at: '2026-11-22T10:00:00.000Z', via: 'g' } as const
  const id = eventId(from.id, room, 'stored')
  history.messages.set(id, { ...stored, id })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join(room)
  const again = (cid: string) =>
    ada.request({ type: 'send', room, text: `change ${cid}`, cid, resent: 90_000 })
  t.equal((await again('stored')).id, id)
  await again('lost')
  t.same(texts(log), ['change lost, friends'])
  t.equal(hook.questions.length, 1)
})

t.test('an event that two sessions send at once is one question', async (t) => {
  const answer = new Deferred<Answer>()
  const hook = await startHook(t, () => answer.promise)
  const gateway = await build(t, { beforePublish: hook.options })
  const clients = [await enter(t, gateway, 'ada'), await enter(t, gateway, 'ada')]
  const taken = () => gateway.metric('rabble_gateway_frames_received_total', { type: 'send' })
  const sent = clients.map((client) => client.send(room, 'hi', { cid: 'c' }))
  await until(async () => (await taken()) === 2, 60_000, 'both')
  answer.resolve({ action: 'change', text: 'hello' })
  const [one, other] = await Promise.all(sent)
  t.equal(one?.id, other?.id)
  t.same(texts(gateway.log), ['hello'])
  t.equal(hook.questions.length, 1)
})

t.test('an event that another gateway published meanwhile is acknowledged, not refused', async (t) => {
  const log = createMemoryLog()
  const answer = new Deferred<Answer>()
  const [slow, fast] = [await startHook(t, () => answer.promise), await startHook(t, obedient)]
  const one = await build(t, { log, beforePublish: slow.options })
  const two = await build(t, { log, beforePublish: fast.options })
  const [here, there] = [await enter(t, one, 'ada'), await enter(t, two, 'ada')]
  const first = here.send(room, 'hi', { cid: 'c' })
  await until(() => slow.questions.length === 1, 60_000, 'the question')
  const { id } = await there.send(room, 'hi', { cid: 'c' })
  await here.sees(id)
  answer.resolve(rude)
  t.equal((await first).id, id)
  t.same(texts(log), ['hi'])
})

t.test('the events of a session keep their order, however long each answer takes', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  let open = 0
  let most = 0
  const hook = await startHook(t, async (question) => {
    most = Math.max(most, ++open)
    await sleep(random() * 8)
    open--
    return obedient(question)
  })
  const gateway = await build(t, { beforePublish: { ...hook.options, timeout: 120_000 } })
  const names = ['ada', 'bob', 'cleo']
  const clients = await Promise.all(names.map((name) => enter(t, gateway, name)))
  const words = ['allow', 'change', 'refuse', 'empty']
  const replies: string[] = []
  const say = async (client: ChatClient, text: string) => {
    const result = await client.send(room, text).then(
      () => 'sent',
      ({ code }) => code as string,
    )
    replies.push(`${text}: ${result}`)
  }
  const expected: string[] = []
  const sent: Promise<void>[] = []
  for (let n = 0; n < inForm(30, 300); n++) {
    for (const [index, client] of clients.entries()) {
      const text = `${words[Math.floor(random() * words.length)]} ${n} of ${names[index]}`
      expected.push(text)
      sent.push(say(client, text))
    }
  }
  await Promise.all(sent)
  const published = texts(gateway.log).map((text) => text.replace(', friends', ''))
  for (const name of names) {
    const own = (texts: string[]) => texts.filter((text) => text.includes(` of ${name}`))
    const allowed = own(expected).filter((text) => !text.startsWith('refuse'))
    t.same(own(published), allowed, `in the log, of ${name}`)
    const answers = own(expected).map((text) => `${text}: ${text.startsWith('refuse') ? 'refused' : 'sent'}`)
    t.same(own(replies), answers, `as they were answered, to ${name}`)
  }
  t.ok(most > 1, 'sessions do not wait for each other')
})

t.test('the permissions of the moment of publishing count', async (t) => {
  const answer = new Deferred<Answer>()
  const hook = await startHook(t, ({ text }) => (text === 'slow' ? answer.promise : { status: 204 }))
  const { a, rooms } = await buildWithRooms(t, 1, { beforePublish: hook.options })
  const [eve, ada, cleo] = [await enter(t, a, 'eve'), await enter(t, a, 'ada'), await enter(t, a, 'cleo')]
  const muted = t.rejects(eve.send(room, 'slow'), { code: 'forbidden' })
  const gone = t.rejects(cleo.sendTo('ada', 'slow'), { code: 'closed' })
  await until(() => hook.questions.length === 2, 60_000, 'the questions')
  rooms.put('mute', { kind: 'mute', user: 'eve' })
  await cleo.close()
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 1, 60_000, 'the mute')
  await until(async () => (await a.metric('rabble_gateway_connections')) === 2, 60_000, 'the end')
  answer.resolve({ action: 'allow' })
  await Promise.all([muted, gone])
  await ada.send(room, 'hello')
  t.same(texts(a.log), ['hello'])
})

t.test('a gateway that drains waits for the answer, and one that closes gives the question up', async (t) => {
  const clock = createManualClock()
  const answer = new Deferred<Answer>()
  const hook = await startHook(t, ({ text }) =>
    text === 'slow' ? answer.promise : text === 'too late' ? new Promise(() => {}) : { status: 204 },
  )
  const drainTimes = { reconnectGrace: 200, confirmTimeout: 120_000 }
  const gateway = await build(t, { beforePublish: { ...hook.options, timeout: 5_000 }, drainTimes, clock })
  const ada = await enter(t, gateway, 'ada')
  const sent = ada.send(room, 'slow')
  await until(() => hook.questions.length === 1, 60_000, 'the question')
  const drained = gateway.gateway.drain(0)
  await clock.advance(1_000)
  t.equal(await gateway.metric('rabble_gateway_connections'), 1, 'it waits')
  answer.resolve({ action: 'allow' })
  await sent
  t.match(await ada.closed, { code: 1012 })
  await drained
  t.same(texts(gateway.log), ['slow'])

  const other = await build(t, { beforePublish: hook.options, clock })
  const bob = await enter(t, other, 'bob')
  await bob.send(room, 'over a connection that is kept')
  const lost = t.rejects(bob.send(room, 'too late'), { code: 'closed' })
  await until(() => hook.questions.length === 3, 60_000, 'the question')
  await other.close()
  await lost
  t.same(texts(other.log), ['over a connection that is kept'], 'nothing goes out after that')
  await gateway.close()
  await until(() => hook.open === 0, 60_000, 'all connections to be closed')
  t.equal(hook.questions.length, 3)
})
