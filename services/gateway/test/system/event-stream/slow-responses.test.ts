import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from '../../build.ts'
import { pass } from '../../time.ts'
import { ask, openStream, post } from '../../transports/event-stream/streams.ts'

/** Bytes of a message, and a number of messages that no operating system takes for a client that does not read. */
const text = '€'.repeat(4000)
const many = 1_200

/** Starts a gateway with a clock that a test moves, and a user who fills a room. */
async function buildBusy(t: Test, unsentBytes: number) {
  const clock = createManualClock()
  const limits = { unsentBytes }
  const gateway = await build(t, { clock, limits, heartbeat: 25_000, helloTimeout: 5_000 })
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  await bob.join('general')
  const fill = async (count: number, isEnough: () => Promise<boolean> = async () => false) => {
    for (let n = 0; n < count && !(await isEnough()); n += 50) {
      await Promise.all(Array.from({ length: 50 }, () => bob.send('general', text)))
    }
  }
  const metric = (name: string, labels?: Record<string, string>) => () =>
    gateway.metric(`rabble_gateway_${name}`, labels)
  return {
    clock,
    gateway,
    fill,
    connections: metric('connections'),
    slow: metric('disconnections_total', { reason: 'tooSlow' }),
  }
}

/** Opens a session whose user is in the room. Returns the id of its newest block. */
async function enter(t: Test, url: string): Promise<string> {
  const first = await openStream(t, url)
  await until(() => first.id !== '', 60_000, 'the key')
  const frames = [
    { type: 'hello', name: 'Slow' },
    { type: 'join', ref: 1, room: 'general' },
  ]
  await post(url, first.id, ...frames)
  let { id } = first
  for (let joined = false; !joined; ) {
    const next = url.endsWith('/poll') ? await openStream(t, url, { 'last-event-id': id }) : first
    if (next === first) await first.has('joined')
    else await next.ended
    joined = next.blocks.some(({ frames }) => frames.some(({ type }) => type === 'joined'))
    id = next.id
  }
  first.cut()
  return id
}

/** Asks for what follows, and reads nothing. Returns both ends of the TCP connection. */
async function askWithoutReading(
  t: Test,
  { http, server }: TestGateway,
  path: string,
  id: string,
  version: string,
) {
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const { hostname, port } = new URL(http)
  const client = connect(Number(port), hostname)
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  const requested = once(server, 'request')
  client.write(`GET ${path} HTTP/${version}\r\nHost: x\r\nLast-Event-ID: ${id}\r\n\r\n`)
  const [socket] = await accepted
  await requested
  return { client, socket }
}

for (const version of ['1.1', '1.0']) {
  t.test(
    `a stream that is not read is dropped some time after its session has ended, HTTP/${version}`,
    async (t) => {
      const { clock, gateway, fill, slow, connections } = await buildBusy(t, 256 * 1024)
      const id = await enter(t, `${gateway.http}/sse`)
      const { socket } = await askWithoutReading(t, gateway, '/sse', id, version)
      await fill(many, async () => (await slow()) > 0)
      t.equal(await slow(), 1)
      t.ok(socket.writableLength > 0)
      await pass(clock, 1_000, () => socket.destroyed, 'the response to be dropped')
      t.equal(await connections(), 1)
    },
  )
}

t.test('a response that another one replaces is dropped if it is unread', async (t) => {
  const { gateway, fill, connections } = await buildBusy(t, 64 * 1024 * 1024)
  const id = await enter(t, `${gateway.http}/poll`)
  await fill(many)
  const first = await askWithoutReading(t, gateway, '/poll', id, '1.1')
  t.ok(first.socket.writableLength > 0)
  const second = await askWithoutReading(t, gateway, '/poll', id, '1.1')
  await until(() => first.socket.destroyed, 60_000, 'the first response to be dropped')
  t.ok(second.socket.writableLength > 0)
  t.equal(await connections(), 2)
})

t.test('the response to a poll may be read slowly, but not never', async (t) => {
  const { clock, gateway, fill, connections, slow } = await buildBusy(t, 64 * 1024 * 1024)
  const url = `${gateway.http}/poll`
  let id = await enter(t, url)
  await fill(many)
  const { client, socket } = await askWithoutReading(t, gateway, '/poll', id, '1.1')
  t.ok(socket.writableLength > 0)
  await clock.advance(20_000)
  let answer = ''
  client.setEncoding('latin1').on('data', (data: string) => {
    answer += data
  })
  await until(() => socket.writableLength === 0, 60_000, 'the client to read all')
  await until(() => /id: (.*)\n\n$/.test(answer), 60_000, 'the end')
  id = /id: (.*)\n\n$/.exec(answer)?.[1] ?? ''
  const next = await ask('GET', `${url}?wait=0`, { 'last-event-id': id })
  t.notMatch(next.body, /event: session/, 'the session goes on')
  id = /id: (.*)\n\n$/.exec(next.body)?.[1] ?? id

  await fill(many)
  const unread = await askWithoutReading(t, gateway, '/poll', id, '1.1')
  t.ok(unread.socket.writableLength > 0)
  await pass(clock, 5_000, () => unread.socket.destroyed, 'the response to be dropped')
  t.equal(await connections(), 1)
  t.equal(await slow(), 0, 'it was silent')
})

t.test('a client that polls without reporting what has arrived leaves it unread', async (t) => {
  const { gateway, fill, slow } = await buildBusy(t, 256 * 1024)
  const url = `${gateway.http}/poll`
  const id = await enter(t, url)
  for (let n = 0; n < 20 && (await slow()) === 0; n++) {
    await fill(50)
    await ask('GET', `${url}?wait=0`, { 'last-event-id': id })
  }
  t.equal(await slow(), 1)
})

t.test('a session that is over is not kept by requests', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, helloTimeout: 5_000 })
  for (const path of ['/sse', '/poll']) {
    const url = `${gateway.http}${path}`
    const shy = await openStream(t, url)
    await until(() => shy.id !== '', 60_000, 'the key')
    const { id } = shy
    await clock.advance(6_000)
    for (let seconds = 0; seconds < 14; seconds += 7) {
      await clock.advance(7_000)
      t.match((await ask('GET', `${url}?wait=0`, { 'last-event-id': id })).body, /event: close/)
    }
    await clock.advance(2_000)
    t.equal((await ask('POST', url, { 'last-event-id': id }, '{}')).status, 404)
  }
})

t.test('a long replay that was written to a stream is not kept', async (t) => {
  const { gateway, fill } = await buildBusy(t, 256 * 1024)
  await fill(50)
  const url = `${gateway.http}/sse`
  const stream = await openStream(t, url)
  await until(() => stream.id !== '', 60_000, 'the key')
  const { id } = stream
  await post(url, id, { type: 'hello', name: 'Slow' }, { type: 'join', ref: 1, room: 'general' })
  await stream.has('joined')
  const newest = stream.id
  stream.cut()
  const again = await openStream(t, url, { 'last-event-id': newest })
  await post(url, newest, { type: 'ping', ref: 2 })
  await again.has('pong')
  const last = again.id
  again.cut()
  t.match(await ask('POST', url, { 'last-event-id': last }, '{}'), { status: 204 })
  const other = await openStream(t, url, { 'last-event-id': id })
  await until(() => other.blocks.length > 0, 60_000, 'the first block')
  t.equal(other.blocks[0]?.event, 'session')
})
