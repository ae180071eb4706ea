import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import { parseOrigins } from '@rabble/service'
import t, { type Test } from 'tap'
import type { Session } from '../../../src/sessions/session.ts'
import { BlockWriter } from '../../../src/transports/event-stream/block-writer.ts'
import { StreamConnection } from '../../../src/transports/event-stream/connection.ts'
import { StreamSession } from '../../../src/transports/event-stream/stream-sessions.ts'
import { build, type TestGateway } from '../../build.ts'
import { ask, openStream, post, type Stream, waitingGets } from './streams.ts'

/** Opens a stream and says hello. */
async function enter(t: Test, url: string, name: string): Promise<Stream> {
  const stream = await openStream(t, url)
  await until(() => stream.id !== '', 60_000, 'the key')
  await post(url, stream.id, { type: 'hello', ref: 1, name })
  await stream.has('welcome')
  return stream
}

function textsOf(stream: Stream): string[] {
  return stream.blocks.flatMap(({ frames }) =>
    frames.flatMap((frame) => (frame.type === 'message' ? [frame.text] : [])),
  )
}

const connections = (gateway: TestGateway) => gateway.metric('rabble_gateway_connections')

t.test('a response that was cut anywhere is continued without a loss and without a repeat', async (t) => {
  const gateway = await build(t)
  const url = `${gateway.http}/sse`
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  await bob.join('general')
  const first = await enter(t, url, 'Ada')
  await post(url, first.id, { type: 'join', ref: 2, room: 'general' })
  await first.has('joined')
  const texts = Array.from({ length: 30 }, (_, n) => `text ${n}`)
  for (const text of texts) await bob.send('general', text)
  await until(() => textsOf(first).length === 30, 60_000, 'all messages')

  // A client may have got only a part of what was written: each block that it may have had last is tried.
  for (const { id } of first.blocks.slice(-20)) {
    const seen = first.blocks.filter((block) => number(block.id) <= number(id))
    const again = await openStream(t, url, { 'last-event-id': id })
    await until(() => number(again.id) >= number(first.id) || id === first.id, 60_000, 'the rest')
    const both = [...seen, ...again.blocks].flatMap(({ frames }) => frames)
    const heard = both.flatMap((frame) => (frame.type === 'message' ? [frame.text] : []))
    t.same(heard, texts, `after ${number(id)}`)
    again.cut()
    // The gateway forgets the blocks up to this one, so the next turn begins behind it.
  }
  t.ok(first.isComplete, 'a newer response takes the place of the first, which ends')
  t.equal(await connections(gateway), 2, 'all of them were one session')
})

t.test('a session that does not come back within 15 seconds is over, and its user has left', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const url = `${gateway.http}/sse`
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  await bob.join('general')
  const ada = await enter(t, url, 'Ada')
  await post(url, ada.id, { type: 'join', ref: 2, room: 'general' })
  await ada.has('joined')
  ada.cut()
  await clock.advance(10_000)
  const back = await openStream(t, url, { 'last-event-id': ada.id })
  t.equal((await post(url, ada.id, { type: 'ping', ref: 3 })).status, 204, 'it is the same after ten seconds')
  await back.has('pong')
  back.cut()
  // The gateway may notice the cut a moment later.
  await until(
    async () => {
      await clock.advance(1_000)
      return (await connections(gateway)) === 1
    },
    60_000,
    'the session to be over',
  )
  t.equal((await bob.request({ type: 'members', room: 'general' })).count, 1)
  t.equal((await post(url, ada.id, { type: 'ping' })).status, 404)
  const next = await openStream(t, url, { 'last-event-id': ada.id })
  await until(() => next.blocks.length > 0, 60_000, 'the first block')
  t.equal(next.blocks[0]?.event, 'session', 'a new session begins')
})

t.test('a session whose blocks are gone is not continued with a gap', async (t) => {
  const gateway = await build(t)
  const url = `${gateway.http}/sse`
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  await bob.join('general')
  const ada = await enter(t, url, 'Ada')
  await post(url, ada.id, { type: 'join', ref: 2, room: 'general' })
  await ada.has('joined')
  const old = ada.id
  for (let n = 0; n < 30; n++) await bob.send('general', 'x'.repeat(3_900))
  await until(() => textsOf(ada).length === 30, 60_000, 'more than 64 KiB')
  ada.cut()
  const next = await openStream(t, url, { 'last-event-id': old })
  await until(() => next.blocks.length > 0, 60_000, 'the first block')
  t.equal(next.blocks[0]?.event, 'session')
  t.equal((await post(url, old, { type: 'ping' })).status, 404, 'the old one is over at once')
})

t.test(
  'a client learns why its session has ended, even by its next request, and then nothing more',
  async (t) => {
    const clock = createManualClock()
    const gateway = await build(t, { clock, helloTimeout: 5_000 })
    for (const path of ['/sse', '/poll']) {
      const url = `${gateway.http}${path}`
      const shy = await openStream(t, url)
      await until(() => shy.id !== '', 60_000, 'the key')
      if (path === '/poll') await shy.ended
      await clock.advance(6_000)
      const told = path === '/sse' ? shy : await openStream(t, url, { 'last-event-id': shy.id })
      await told.ended
      t.match(told.blocks.at(-1), { event: 'close', frames: [{ code: 4408, reason: 'no hello in time' }] })
      t.equal((await ask('GET', url, { 'last-event-id': told.id })).status, 204, 'an EventSource stops')
      t.equal(
        (await post(url, told.id, { type: 'hello', name: 'Late' })).status,
        204,
        'what comes late is ignored',
      )
    }
    t.equal(await connections(gateway), 0)
  },
)

t.test('a poll ends after what waits, after its wait, or at once', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const url = `${gateway.http}/poll`
  const open = waitingGets(gateway.server)
  const first = await openStream(t, url)
  await first.ended
  t.equal(first.blocks.length, 1)
  const empty = await ask('GET', `${url}?wait=0`, { 'last-event-id': first.id })
  t.match(empty, { status: 200, body: '' })
  for (const [query, wait] of [
    ['?wait=3000', 3_000],
    ['', 25_000],
    ['?wait=99999', 25_000],
    ['?wait=-1', 25_000],
  ] as const) {
    let isOver = false
    const polled = ask('GET', `${url}${query}`, { 'last-event-id': first.id }).then((answer) => {
      isOver = true
      return answer
    })
    await until(() => open() > 0, 60_000, 'the request')
    await clock.advance(wait - 2_000)
    t.notOk(isOver)
    await clock.advance(3_000)
    t.match(await polled, { status: 200, body: '' }, `${query} waits for ${wait} ms`)
  }
})

t.test(
  'a stream without frames gets comments, and ends when its client has sent nothing for long',
  async (t) => {
    const clock = createManualClock()
    const gateway = await build(t, { clock, heartbeat: 40_000 })
    const url = `${gateway.http}/sse`
    const ada = await enter(t, url, 'Ada')
    await clock.advance(16_000)
    await until(() => ada.text.endsWith('\n\n:\n\n'), 60_000, 'a comment')
    t.equal((await post(url, ada.id, { type: 'ping', ref: 2 })).status, 204)
    await clock.advance(38_000)
    t.notOk(ada.isComplete)
    await clock.advance(4_000)
    await ada.ended
    t.ok(ada.isComplete)
    const back = await openStream(t, url, { 'last-event-id': ada.id })
    await post(url, ada.id, { type: 'ping', ref: 3 })
    await back.has('pong')
  },
)

t.test('a client that leaves on purpose has left at once', async (t) => {
  const gateway = await build(t)
  const url = `${gateway.http}/sse`
  const ada = await enter(t, url, 'Ada')
  t.equal((await ask('DELETE', url, { 'last-event-id': ada.id })).status, 204)
  await ada.ended
  t.equal(await connections(gateway), 0)
  t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'client' }), 1)
  t.equal((await ask('DELETE', url, { 'last-event-id': ada.id })).status, 404)
})

t.test('wrong requests get a clear error and change nothing', async (t) => {
  const gateway = await build(t, { limits: { frameBytes: 48_000 } })
  const url = `${gateway.http}/sse`
  const ada = await enter(t, url, 'Ada')
  const send = (id: string | undefined, body: string | Uint8Array) =>
    ask('POST', url, id === undefined ? {} : { 'last-event-id': id }, body)
  const ping = JSON.stringify({ type: 'ping', ref: 9 })
  const [key = ''] = ada.id.split('.')
  const other = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}.1`
  const cases: [
    name: string,
    id: string | undefined,
    body: string | Uint8Array,
    status: number,
    code: string,
  ][] = [
    ['no id', undefined, ping, 400, 'bad-frame'],
    ['no id of a session', 'x', ping, 400, 'bad-frame'],
    ['a long id', 'x'.repeat(10_000), ping, 400, 'bad-frame'],
    ['a path in the id', '../../etc/passwd.1', ping, 400, 'bad-frame'],
    ['somebody else’s key, guessed', other, ping, 404, 'not-found'],
    ['bytes that are not UTF-8', ada.id, new Uint8Array([0x7b, 0xff, 0x7d]), 400, 'bad-frame'],
    ['too many bytes', ada.id, ' '.repeat(48_002), 413, 'too-large'],
  ]
  for (const [name, id, body, status, code] of cases) {
    const answer = await send(id, body)
    t.match({ ...JSON.parse(answer.body), status: answer.status }, { status, code }, name)
  }
  t.equal(
    (await send(ada.id, '{"type":"pi\nng"}\n\n[]\n')).status,
    204,
    'wrong frames are answered in the stream',
  )
  await until(() => errorsOf(ada) === 3, 60_000, 'an error for each line')
  for (const path of ['/sse', '/poll']) {
    t.equal((await ask('HEAD', `${gateway.http}${path}`)).status, 404, 'HEAD begins no session')
  }
  await post(url, ada.id, { type: 'ping', ref: 9 })
  await ada.has('pong')
  t.equal(await connections(gateway), 1)
})

t.test(
  'frames wait while a session reads nothing, in order, and too many requests are refused',
  async (t) => {
    const clock = createManualClock()
    const connection = new StreamConnection('key', clock, new BlockWriter())
    const stream = new StreamSession('key', connection, {} as Session)
    const received: string[] = []
    const take = (lines: string) => stream.take(lines, (line) => received.push(line))
    await take('1\n2\n')
    connection.pause()
    const waiting = Array.from({ length: 8 }, (_, n) => take(`${n + 3}`))
    await t.rejects(take('too much'), { code: 'rate-limited' })
    await new Promise(setImmediate)
    t.same(received, ['1', '2'])
    connection.resume()
    await Promise.all(waiting)
    t.same(received, ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'])
    connection.pause()
    const late = take('late')
    connection.close('restarting', 'over')
    await late
    t.equal(received.length, 10, 'nothing is taken after the end')
  },
)

t.test('sessions that nobody polls again end, and take no place any more', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, connections: 500 })
  const url = `${gateway.http}/poll`
  for (let n = 0; n < 500; n += 50) {
    await Promise.all(Array.from({ length: 50 }, () => ask('GET', url)))
  }
  t.equal(await connections(gateway), 500)
  t.equal((await ask('GET', url)).status, 503, 'the gateway is full')
  await clock.advance(16_000)
  t.equal(await connections(gateway), 0)
  t.equal((await ask('GET', url)).status, 200)
})

t.test(
  'a page of a foreign origin gets no session, one of an allowed origin may read everything',
  async (t) => {
    const allowed = 'https://app.example'
    const gateway = await build(t, { allowedOrigins: parseOrigins(allowed) })
    for (const path of ['/sse', '/poll']) {
      const url = `${gateway.http}${path}`
      t.match(await ask('GET', url, { origin: 'https://evil.example' }), { status: 403, body: /forbidden/ })
      const stream = await openStream(t, url, { origin: allowed })
      await until(() => stream.id !== '', 60_000, 'the key')
    }
    t.equal(await gateway.metric('rabble_gateway_connections_refused_total', { reason: 'origin' }), 2)
  },
)

function number(id: string): number {
  return Number(id.split('.')[1])
}

function errorsOf(stream: Stream): number {
  return stream.blocks.flatMap(({ frames }) => frames).filter(({ type }) => type === 'error').length
}
