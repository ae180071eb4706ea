import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { build, type TestGateway } from '../../build.ts'
import { connections, disconnections, enter, poll, push, query } from './raw-client.ts'

/** Sends a request with a target exactly as it is given. */
async function askAt({ http }: TestGateway, path: string, method = 'GET', body?: string) {
  const { hostname, port } = new URL(http)
  const sent = request({ hostname, port, path, method, agent: false }).end(body)
  const [response] = await once(sent, 'response')
  return { status: response.statusCode as number, body: await text(response) }
}

/** Tries a WebSocket for a session, and sends what is given. */
async function probe(t: Test, { http }: TestGateway, sid: string, ...packets: string[]) {
  const url = `${http.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&sid=${sid}`
  const socket = new WebSocket(url)
  t.teardown(() => socket.terminate())
  const heard: string[] = []
  socket.on('message', (data) => heard.push(String(data)))
  const closed = once(socket, 'close').then(([code]) => Number(code))
  await once(socket, 'open')
  for (const packet of packets) socket.send(packet)
  return { socket, heard, closed }
}

t.test('the query of a request has one meaning, in which no session is without a place', async (t) => {
  const gateway = await build(t, { connections: 1 })
  const path = `/socket.io/?${query}`
  for (const tail of ['&sid=', '&sid=&sid=', '&x#&sid=none', '&sid=a&sid=b', '&sid=a&sid=']) {
    t.equal((await askAt(gateway, `${path}${tail}`)).status, 400, tail)
  }
  t.equal(await connections(gateway), 0)
  const sid = await enter(gateway.http)
  t.equal((await askAt(gateway, path)).status, 503, 'the only place is taken')
  // These would be requests of the session for one reader, and of none for the other.
  for (const tail of [`&sid=${sid}#`, `&sid=none&sid=${sid}`]) {
    t.equal((await askAt(gateway, `${path}${tail}`, 'POST', '42["message","x"]')).status, 400, tail)
  }
  t.equal(await connections(gateway), 1)
})

t.test('a session that was closed answers nothing any more, and tells why', async (t) => {
  const gateway = await build(t, { clock: createManualClock() })
  const packets = Array.from({ length: 5_000 }, (_, n) => `40/n${n},`)
  const sid = await enter(gateway.http)
  for (let n = 0; n < 5; n++) t.equal((await push(gateway.http, sid, ...packets)).status, 200)
  t.equal(await disconnections(gateway, 'policy'), 1)
  const { body } = await poll(gateway.http, sid)
  t.match(body, /too many control frames/)
  t.ok(body.length < 10_000, `${body.length} bytes`)
})

t.test('a WebSocket that is tried again and again is dropped, and its session goes on', async (t) => {
  const gateway = await build(t)
  const sid = await enter(gateway.http)
  const { heard, closed } = await probe(t, gateway, sid, ...Array.from({ length: 1_000 }, () => '2probe'))
  await closed
  t.ok(heard.length <= 2, `${heard.length} answers`)
  await push(gateway.http, sid, '421["ping"]')
  for (let answer = ''; !answer.includes('431['); ) answer = (await poll(gateway.http, sid)).body
})

t.test('a session that is closed while its transport changes ends with the reason', async (t) => {
  const gateway = await build(t)
  const sid = await enter(gateway.http)
  const { socket, heard, closed } = await probe(t, gateway, sid, '2probe')
  await until(() => heard.includes('3probe'), 60_000, 'the answer')
  await push(gateway.http, sid, '4511-["message",{"_placeholder":true,"num":0}]')
  t.equal(await disconnections(gateway, 'policy'), 1)
  socket.send('5')
  t.equal(await closed, 1008)
  t.match(heard.slice(-2), [/42\["event",\{"type":"close","code":1008/, '41'])
})

t.test('what a session that has ended leaves unread is dropped', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, limits: { unsentBytes: 64 * 1024 * 1024 } })
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join('general')
  const sid = await enter(gateway.http)
  // More than the system takes for a client that does not read.
  for (let n = 0; n < 1_200; n += 50) {
    await Promise.all(Array.from({ length: 50 }, () => ada.send('general', '€'.repeat(4_000))))
  }
  const sent = request(`${gateway.http}/socket.io/?${query}&sid=${sid}`, { agent: false }).end()
  const [unread] = await once(sent, 'response')
  unread.on('error', () => {})
  await Promise.all([poll(gateway.http, sid), poll(gateway.http, sid)])
  await until(async () => (await connections(gateway)) === 1, 60_000, 'the end')
  await clock.advance(3_000)
  unread.resume()
  await until(() => unread.destroyed, 60_000, 'the end of the response')
  t.notOk(unread.complete)
})

t.test('nothing comes of the session of somebody else, or of wrong requests', async (t) => {
  const gateway = await build(t)
  const sid = await enter(gateway.http)
  const guessed = `${sid.slice(0, -1)}${sid.endsWith('A') ? 'B' : 'A'}`
  t.match(await poll(gateway.http, guessed), { status: 400, body: /unknown/ })
  t.equal((await push(gateway.http, guessed, '42["message","x"]')).status, 400)
  const socket = new WebSocket(
    `${gateway.http.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&sid=${guessed}`,
  )
  const [error] = await once(socket, 'error')
  t.match(error.message, /400/)
  const path = `/socket.io/?${query}&sid=${sid}`
  for (const method of ['PUT', 'PATCH', 'DELETE']) t.equal((await askAt(gateway, path, method)).status, 400)
  t.equal((await askAt(gateway, path.replace('polling', 'websocket'))).status, 400)
  t.equal((await askAt(gateway, path.replace('EIO=4', 'EIO=3'))).status, 400, 'it began with version 4')
  await push(gateway.http, sid, '421["ping"]')
  for (let answer = ''; !answer.includes('431['); ) answer = (await poll(gateway.http, sid)).body
})

t.test('wrong payloads of version 3 end the session that sent them, and no other', async (t) => {
  const gateway = await build(t)
  const begin = async () => {
    const { body } = await askAt(gateway, '/socket.io/?EIO=3&transport=polling')
    const sid = /"sid":"([^"]+)"/.exec(body)?.[1]
    return `/socket.io/?EIO=3&transport=polling&sid=${sid}`
  }
  const other = await begin()
  for (const body of ['', 'x', '1:', '9999999999:42', '-1:4', '3:42{', '2:49', '1:x', '6:b4AAAA']) {
    const path = await begin()
    await askAt(gateway, path, 'POST', body)
    const isOver = async () => (await askAt(gateway, path)).status === 400
    await until(isOver, 60_000, `the end after ${body}`)
  }
  t.equal(await connections(gateway), 1)
  t.equal((await askAt(gateway, other, 'POST', '1:2')).status, 200)
})
