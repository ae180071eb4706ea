import { createManualClock } from '@rabble/clock/manual'
import type { Signal } from '@rabble/contract'
import { connectChat } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'
import { createMemoryLog } from './memory-log.ts'
import { buildWithRooms } from './rooms-build.ts'
import { pass } from './time.ts'

const at = '2026-11-22T10:00:00.000Z'
const fields = { room: 'general', from: { id: 'app', name: 'App' }, at, via: 'app' }
const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`

t.test('a message in the log that is nested too deep, and its edit, harm no gateway', async (t) => {
  let malformed = 0
  const log = createMemoryLog(1, { observer: { malformed: () => malformed++ } })
  const { ws, gateway, metric } = await build(t, { log })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  const message = JSON.stringify({ ...fields, type: 'message', id: 'deep', text: 'x' })
  log.inject(`${message.slice(0, -1)},"meta":{"a":${deep}}}\n`)
  log.inject(JSON.stringify({ ...fields, type: 'edit', id: 'edit', message: 'deep', text: 'y' }))
  const { id } = await ada.send('general', 'still here')
  await ada.sees(id)
  t.strictSame(
    ada.events('general').map((event) => event.id),
    ['edit', id],
  )
  t.equal(malformed, 1)
  t.ok((await metric('rabble_gateway_recent_bytes')) < 1000, 'it is not remembered')
  t.equal(gateway.unready(), undefined)
})

t.test('a message in the log whose time is none is not told, and leaves the lag a number', async (t) => {
  const log = createMemoryLog()
  const clock = createManualClock()
  const told: Signal[] = []
  t.teardown(log.onSignal((signal) => told.push(signal)))
  const { ws, gateway, metric } = await build(t, { log, clock })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  log.inject(
    JSON.stringify({ ...fields, at: 'the day before yesterday', type: 'message', id: 'a', text: 'x' }),
  )
  log.inject(JSON.stringify({ ...fields, type: 'delete', id: 'b', message: 'c' }))
  await ada.sees('b')
  t.equal(ada.events('general').length, 1)
  const own = () => told.find((signal) => signal.gateway === gateway.id)
  await pass(clock, 500, () => own() !== undefined, 'it to tell how it is')
  t.match(own(), { type: 'gateway', lag: Number })
  t.ok(Number.isFinite(await metric('rabble_gateway_log_lag_seconds')))
})

t.test('signals of any size and depth harm no gateway and reach no client', async (t) => {
  const clock = createManualClock()
  const { a } = await buildWithRooms(t, 1, { clock })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  await ada.join('general')
  const user = `{"id":"bob","name":"Bob","more":${deep}}`
  const gateway = '"type":"gateway","gateway":"g","sessions":1,"messagesPerSecond":0,"deliveriesPerSecond":0'
  const rest = '"room":"general","count":2,"version":99'
  const long = 'ä'.repeat(100_000)
  for (const signal of [
    `{"type":"typing","room":"general","user":${user}}`,
    `{"type":"presence",${rest},"joined":[${user}],"left":[],"more":${deep}}`,
    `{${gateway},"lag":0,"state":"ready","more":${deep}}`,
    `{${gateway},"lag":null,"state":"ready"}`,
    `{"type":"kick","user":"eve","message":"${long}"}`,
    `{"type":"typing","room":"general","user":{"id":"eve","name":"${long.repeat(2)}"}}`,
    `{"type":"typing","room":"general","user":"eve"}`,
    '{"type":7}',
    'no JSON',
  ]) {
    a.log.injectSignal(Buffer.from(signal))
  }
  const bob = { id: 'bob', name: 'Bob' }
  const came = () => ada.frames.flatMap((frame) => (frame.type === 'presence' ? frame.joined : []))
  await pass(clock, 50, () => came().some(({ id }) => id === 'bob'), 'her to hear of Bob')
  t.strictSame(
    came().filter(({ id }) => id === 'bob'),
    [bob],
  )
  const typing = ada.frames.filter(({ type }) => type === 'typing')
  t.strictSame(typing, [{ type: 'typing', room: 'general', user: bob }])
  const { gateways } = await ada.request({ type: 'gateways' })
  t.equal(gateways.length, 2)
  t.ok(JSON.stringify(gateways).length < 1000)
})

t.test('who is disconnected is told as much of a long reason as fits', async (t) => {
  const { a } = await buildWithRooms(t)
  const eve = await connectChat(t, a.ws, { name: 'Eve' })
  a.log.signal({ type: 'kick', user: eve.user?.id ?? '', message: `go: ${'😀'.repeat(50_000)}` })
  t.same(await eve.closed, { code: 1008, reason: `go: ${'😀'.repeat(29)}` })
})

t.test(
  'a text that shows nothing is refused, and one with separators of lines keeps its lines',
  async (t) => {
    const { ws, log } = await build(t)
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general')
    const { id } = await ada.send('general', 'one\u2028two\u2029three \ud800')
    await ada.sees(id)
    t.match(ada.messages('general'), [{ text: 'one\ntwo\n\nthree \ufffd' }])
    const before = log.length
    for (const text of ['', ' ', ' \n\t ', '\u200b', '\u3164', '\u2028', '\u2800\ufeff', '\0\u0001']) {
      const refusal = { code: 'bad-frame', message: /must not be empty or consist of invisible characters/ }
      await t.rejects(ada.send('general', text), refusal)
      await t.rejects(ada.edit('general', id, text), refusal)
    }
    t.equal(log.length, before)
  },
)

t.test('every text of the allowed length fits into a frame, however it is escaped', async (t) => {
  const { ws } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  for (const escaped of ['\\u0001', '\\ud83d\\ude00', '😀']) {
    const text = (length: number) => `!${escaped.repeat(length - 1)}`
    ada.raw(`{"type":"send","ref":"${escaped}","room":"general","text":"${text(4000)}"}`)
    const ref: string = JSON.parse(`"${escaped}"`)
    t.match(await ada.waitFor((frame) => 'ref' in frame && frame.ref === ref), { type: 'sent' }, escaped)
    await t.rejects(ada.send('general', JSON.parse(`"${text(4001)}"`)), {
      code: 'too-large',
      message: /4000 characters/,
    })
  }
})

t.test('who is called like a change keeps nobody from changing a message', async (t) => {
  const log = createMemoryLog()
  const { ws, tokens } = await build(t, { log })
  const [ada, edit, remove] = await Promise.all(
    ['ada', 'edit', 'delete'].map(async (id) => {
      const client = await connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 600, []) })
      await client.join('general')
      return client
    }),
  )
  if (ada === undefined || edit === undefined || remove === undefined) throw new Error('somebody is missing')
  const { id } = await ada.send('general', 'a secret')
  await remove.send('general', 'x', { cid: id })
  await edit.join('ada')
  await edit.send('ada', 'x', { cid: `general\0${id}\x001` })
  const edited = await ada.edit('general', id, 'not so secret', { cid: '1' })
  const deleted = await ada.delete('general', id)
  await ada.sees(deleted.id)
  t.match(ada.events('general').slice(-2), [
    { type: 'edit', id: edited.id },
    { type: 'delete', id: deleted.id, message: id },
  ])
})

t.test('two messages whose cids are no Unicode do not become one', async (t) => {
  const { ws, log, http, tokens } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  const before = log.length
  for (const cid of ['\ud800', '\ud801']) {
    await t.rejects(ada.send('general', cid, { cid }), { code: 'bad-frame', message: /well-formed/ })
  }
  const authorization = `Bearer ${await tokens.sign({ id: 'deploys', name: 'Deploys' }, 600, ['service'])}`
  const headers = { authorization, 'content-type': 'application/json' }
  for (const byte of [0xfe, 0xff]) {
    const body = Buffer.concat([Buffer.from('{"text":"x","cid":"'), Buffer.of(byte), Buffer.from('"}')])
    const response = await fetch(`${http}/api/notify`, { method: 'POST', headers, body })
    t.match(await response.json(), { statusCode: 400, code: 'bad-frame', message: /UTF-8/ })
  }
  t.equal(log.length, before)
})
