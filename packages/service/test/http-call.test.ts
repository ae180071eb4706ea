import { EventEmitter, once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { httpCall } from '../src/http-call.ts'

/** Starts a server. Returns its address, and the number of connections that it has got. */
async function serve(
  t: Test,
  listener: RequestListener,
): Promise<{ url: URL; connections(): number; closeIdle(): void }> {
  let connections = 0
  const server = createServer(listener).on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`http://127.0.0.1:${port}/path?query`),
    connections: () => connections,
    closeIdle: () => server.closeIdleConnections(),
  }
}

const never = new AbortController().signal

t.test(
  'a call sends its body and gets the whole answer, over one connection for calls in a row',
  async (t) => {
    const { url, connections } = await serve(t, async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString()
      const { 'content-length': length, 'transfer-encoding': encoding, authorization } = request.headers
      const told = { method: request.method, url: request.url, body, length, encoding, authorization }
      response.writeHead(201, { 'x-told': JSON.stringify(told) })
      response.write('an answer ')
      setImmediate(() => response.end('in parts'))
    })
    const call = {
      method: 'POST',
      headers: { authorization: 'Bearer x' },
      body: 'grüße',
      signal: never,
    } as const
    for (let n = 0; n < 3; n++) {
      const { status, headers, body } = await httpCall(url, call)
      t.match({ status, body: body.toString() }, { status: 201, body: 'an answer in parts' })
      t.strictSame(JSON.parse(String(headers['x-told'])), {
        method: 'POST',
        url: '/path?query',
        body: 'grüße',
        length: '7',
        authorization: 'Bearer x',
      })
    }
    t.equal(connections(), 1)
  },
)

t.test('an answer that is too large is cut, and no more of it is read', async (t) => {
  const closed = new EventEmitter()
  const { url } = await serve(t, (_request, response) => {
    response.once('close', () => closed.emit('closed'))
    const more = () => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', more)
    }
    more()
  })
  const end = once(closed, 'closed')
  const { status, body, isCut } = await httpCall(url, {
    method: 'GET',
    headers: {},
    maxBytes: 1_000,
    signal: never,
  })
  t.same({ status, body: body.toString(), isCut }, { status: 200, body: 'x'.repeat(1_000), isCut: true })
  await end
})

t.test('an answer without a body is empty', async (t) => {
  const { url } = await serve(t, (_request, response) => response.writeHead(204).end())
  const { status, body } = await httpCall(url, { method: 'DELETE', headers: {}, signal: never })
  t.match({ status, length: body.length }, { status: 204, length: 0 })
})

t.test(
  'a call is given up with the reason of its signal, before the answer and in the middle of it',
  async (t) => {
    for (const begin of [false, true]) {
      const late = new AbortController()
      const { url } = await serve(t, (_request, response) => {
        if (begin) response.write('the beginning')
        setImmediate(() => late.abort(new Error('too late')))
      })
      const call = httpCall(url, { method: 'GET', headers: {}, signal: late.signal })
      await t.rejects(call, { message: 'too late' }, begin ? 'in the middle' : 'before')
    }
    const call = httpCall(new URL('http://127.0.0.1:1'), {
      method: 'GET',
      headers: {},
      signal: AbortSignal.abort(new Error('too late')),
    })
    await t.rejects(call, { message: 'too late' }, 'from the start')
  },
)

t.test('a call fails if the connection ends without a whole answer, or can’t be made', async (t) => {
  for (const begin of [false, true]) {
    const { url } = await serve(t, (request, response) => {
      if (begin) response.write('the beginning')
      setImmediate(() => request.socket.destroy())
    })
    await t.rejects(httpCall(url, { method: 'GET', headers: {}, signal: never }), { code: 'ECONNRESET' })
  }
  const call = httpCall(new URL('http://127.0.0.1:1'), { method: 'GET', headers: {}, signal: never })
  await t.rejects(call, { code: 'ECONNREFUSED' })
})

t.test('a call that may be repeated is repeated if the server just closed the kept connection', async (t) => {
  let calls = 0
  const { url, connections, closeIdle } = await serve(t, (_request, response) => response.end(`${++calls}`))
  const call = { method: 'POST', headers: {}, body: '{}', signal: never } as const
  await httpCall(url, call)
  closeIdle()
  const { body } = await httpCall(url, { ...call, mayRepeat: true })
  t.equal(body.toString(), '2')
  t.equal(connections(), 2)
  closeIdle()
  await t.rejects(httpCall(url, call), { code: 'ECONNRESET' }, 'another one may have been carried out')
})

t.test(
  'a call that may be repeated is not repeated over a new connection, nor after it was given up',
  async (t) => {
    let calls = 0
    const late = new AbortController()
    const { url } = await serve(t, (request, response) => {
      calls++
      if (calls === 2) response.end()
      else if (calls < 5) request.socket.destroy()
      else late.abort(new Error('too late'))
    })
    const call = { method: 'POST', headers: {}, body: '{}', mayRepeat: true, signal: never } as const
    await t.rejects(httpCall(url, call), { code: 'ECONNRESET' })
    await httpCall(url, call)
    await t.rejects(
      httpCall(url, call),
      { code: 'ECONNRESET' },
      'once over the kept one, once over a new one',
    )
    t.equal(calls, 4)
    await t.rejects(httpCall(url, { ...call, signal: late.signal }), { message: 'too late' })
  },
)
