import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { assertNothingLeft, connectChat, type TestContext, until } from '../src/index.ts'

assertNothingLeft(t)

interface Fixture {
  url: string
  requests: { method: string; path: string; last: string | undefined; body: string; headers: object }[]
  /** Open responses of GET requests. */
  streams: ServerResponse[]
  /** Answers the next request of this method with this status. */
  refuse(method: string, status: number, content: string): void
}

/** Starts a minimal gateway of one session: it answers hello, and ping with a pong. */
async function startFixture(t: TestContext): Promise<Fixture> {
  const requests: Fixture['requests'] = []
  const streams: ServerResponse[] = []
  const refusals = new Map<string, { status: number; content: string }>()
  let last = 0
  const write = (block: string) => {
    const stream = streams.at(-1)
    stream?.write(`${block}id: k.${++last}\n\n`)
    if (stream?.req.url === '/poll') stream.end()
  }
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url: path = '', headers } = request
    const body = await text(request)
    requests.push({ method, path, last: headers['last-event-id'] as string | undefined, body, headers })
    const refusal = refusals.get(method)
    if (refusal !== undefined) {
      refusals.delete(method)
      response.writeHead(refusal.status).end(refusal.content)
    } else if (method !== 'GET') {
      const frames = body.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
      const replies = frames.map(({ type, ref, name }) =>
        type === 'hello' ? { type: 'welcome', ref, user: { id: 'u1', name } } : { type: 'pong', ref },
      )
      response.writeHead(204).end()
      // A client that polls may be between two requests.
      await until(() => isOpen(streams.at(-1)) || replies.length === 0, 30_000, 'a request that waits')
      if (replies.length > 0) write(replies.map((reply) => `data: ${JSON.stringify(reply)}\n`).join(''))
    } else {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).flushHeaders()
      streams.push(response)
      if (headers['last-event-id'] === undefined) write('event: session\ndata: {}\n')
    }
  }
  const server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    streams,
    refuse: (method, status, content) => void refusals.set(method, { status, content }),
  }
}

function isOpen(stream: ServerResponse | undefined): boolean {
  return stream !== undefined && !stream.writableEnded && !stream.destroyed
}

for (const [transport, path] of [
  ['sse', '/sse'],
  ['polling', '/poll'],
] as const) {
  t.test(`${transport}: says hello, asks and says goodbye`, async (t) => {
    const { url, requests } = await startFixture(t)
    const options = { transport, name: 'Ada', origin: 'http://elsewhere', address: '192.0.2.1' }
    const chat = await connectChat(t, url, options)
    t.same(chat.user, { id: 'u1', name: 'Ada' })
    await Promise.all([1, 2, 3].map(() => chat.request({ type: 'ping' })))
    await chat.close()
    t.same(await chat.closed, { code: 1000, reason: '' })
    for (const request of requests) {
      t.match(request, { path, headers: { origin: 'http://elsewhere', 'x-forwarded-for': '192.0.2.1' } })
    }
    const posts = requests.filter(({ method }) => method === 'POST')
    t.same(
      posts.map(({ body }) => body.split('\n').length),
      [1, 1, 2],
      'frames wait for the request before them',
    )
    t.equal(requests.at(-1)?.method, 'DELETE')
    t.match(requests.at(-1)?.last, /^k\.[345]$/)
  })

  t.test(`${transport}: a refused connection tells the status`, async (t) => {
    const { url, refuse } = await startFixture(t)
    refuse('GET', 503, 'draining')
    await t.rejects(connectChat(t, url, { transport }), { message: /\b503 draining/ })
  })

  t.test(`${transport}: sends anything raw, and learns that it was refused`, async (t) => {
    const { url, requests, refuse } = await startFixture(t)
    const chat = await connectChat(t, url, { transport, hello: false })
    for (const body of ['no\r\njson', Buffer.from([0x61, 0xff])]) chat.raw(body)
    await until(() => requests.filter(({ method }) => method === 'POST').length === 2, 30_000, 'both')
    refuse('POST', 413, 'too-large')
    chat.raw('x')
    const { code, reason } = await chat.closed
    t.equal(code, 1006)
    t.match(reason, /413 too-large/)
    t.match(
      requests.flatMap(({ method, body }) => (method === 'POST' ? [body] : [])),
      ['no\r\njson', /^a/, 'x'],
    )
  })

  t.test(`${transport}: comes back after a cut, with the id of the newest block`, async (t) => {
    const { url, requests, streams } = await startFixture(t)
    const chat = await connectChat(t, url, { transport })
    await until(() => isOpen(streams.at(-1)), 30_000, 'a request that waits')
    streams.at(-1)?.write('data: {"type":')
    streams.at(-1)?.destroy()
    await chat.request({ type: 'ping' })
    t.equal(
      requests
        .filter(({ method }) => method === 'GET')
        .at(-1)
        ?.last?.slice(0, 2),
      'k.',
    )
    t.same(
      chat.frames.map(({ type }) => type),
      ['welcome', 'pong'],
    )
  })

  t.test(`${transport}: learns why the gateway closed it`, async (t) => {
    const { url, streams } = await startFixture(t)
    const chat = await connectChat(t, url, { transport, name: 'A\u2028a' })
    t.equal(chat.user?.name, 'A\u2028a', 'only \\n ends a line')
    const pending = chat.waitFor(({ type }) => type === 'left')
    await until(() => isOpen(streams.at(-1)), 30_000, 'a request that waits')
    streams.at(-1)?.end('event: close\ndata: {"code":1008,"reason":"kicked"}\nid: k.9\n\n')
    t.same(await chat.closed, { code: 1008, reason: 'kicked' })
    await t.rejects(pending, /1008 kicked/)
    await t.rejects(chat.request({ type: 'ping' }), { code: 'closed' })
  })

  t.test(`${transport}: reads nothing while it is paused`, async (t) => {
    const { url, streams } = await startFixture(t)
    const chat = await connectChat(t, url, { transport })
    await until(() => isOpen(streams.at(-1)), 30_000, 'a request that waits')
    chat.pause()
    const stream = streams.at(-1)
    const line = `data: {"type":"${'x'.repeat(256 * 1024)}"}\n`
    for (let i = 10; i < 50; i++) stream?.write(`${line}id: k.${i}\n\n`)
    stream?.end()
    await t.rejects(
      chat.waitFor(({ type }) => type !== 'welcome', 200),
      /in vain/,
    )
    t.equal(stream?.writableFinished, false, 'the server is stuck with it')
    t.equal(streams.at(-1), stream)
    chat.resume()
    await chat.waitFor(() => chat.frames.length === 41)
  })

  t.test(`${transport}: what is not in the format ends it`, async (t) => {
    for (const [block, why] of [
      ['data: {}\n\n', /without an id/],
      ['data: {}\nid: k.1\n\n', /block 1 came again/],
      ['retry: 5\n\n', /not in the format: retry/],
      ['event: session\ndata: {}\nid: l.1\n\n', /the session is over/],
    ] as const) {
      const { url, streams } = await startFixture(t)
      const chat = await connectChat(t, url, { transport })
      await until(() => isOpen(streams.at(-1)), 30_000, 'a request that waits')
      streams.at(-1)?.write(`: alive\n\n${block}`)
      t.match(await chat.closed, { code: 1006, reason: why })
    }
  })
}
