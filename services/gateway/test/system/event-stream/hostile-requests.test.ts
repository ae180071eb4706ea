import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from '../../build.ts'

interface Seen {
  method: string | undefined
  url: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

/** Starts a server that notes what it is asked, and answers with 204. */
async function startServer(t: Test): Promise<{ url: string; seen: Seen[]; server: Server }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request
    seen.push({ method, url, headers, body: await text(request).catch(() => 'incomplete') })
    response.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}`, seen, server }
}

/** Starts a gateway, and another server that it takes for the gateway of the returned id. */
async function buildWithOther(t: Test) {
  const gateway = await build(t)
  const other = await startServer(t)
  const report = { sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0, state: 'ready' }
  gateway.log.signal({ type: 'gateway', gateway: 'gateway-aa', ...report, url: other.url })
  await gateway.gateway.gatewayUrl('gateway-aa')
  return { gateway, other, id: `gateway-aa-${'x'.repeat(22)}.1` }
}

/** Sends a request, byte for byte. Resolves with everything that comes back until `isOver`. */
async function sendRaw(
  t: Test,
  { http }: TestGateway,
  request: string,
  isOver: (answer: string) => boolean = (answer) => answer.includes('\r\n\r\n'),
): Promise<string> {
  const { hostname, port } = new URL(http)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  let answer = ''
  let isClosed = false
  socket.setEncoding('latin1').on('data', (data: string) => {
    answer += data
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  socket.write(request)
  await until(() => isClosed || isOver(answer), 60_000, 'the answer')
  return answer
}

t.test('a request goes to the gateway of its session only, whatever host its target names', async (t) => {
  const { gateway, other, id } = await buildWithOther(t)
  const victim = await startServer(t)
  await sendRaw(
    t,
    gateway,
    `GET ${victim.url}/poll?wait=0 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n\r\n`,
  )
  t.same(victim.seen, [])
  for (const { url } of other.seen) t.equal(url, '/poll?wait=0')
})

t.test(
  'the body of a request that should have none does not reach another gateway as a request',
  async (t) => {
    const { gateway, other, id } = await buildWithOther(t)
    const hidden = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
    const line = (method: string) => `${method} /poll HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n`
    await sendRaw(t, gateway, `${line('GET')}Content-Length: ${hidden.length}\r\n\r\n${hidden}`)
    await sendRaw(t, gateway, `${line('DELETE')}Content-Length: ${hidden.length}\r\n\r\n${hidden}`)
    await sendRaw(t, gateway, `${line('GET')}\r\n`)
    await sendRaw(t, gateway, `${line('POST')}Content-Length: 2\r\n\r\n{}`)
    t.same(
      other.seen.map(({ method, url, body }) => [method, url, body]),
      [
        ['GET', '/poll', ''],
        ['DELETE', '/poll', ''],
        ['GET', '/poll', ''],
        ['POST', '/poll', '{}'],
      ],
    )
  },
)

t.test('only what another gateway needs of a request is passed on', async (t) => {
  const { gateway, other, id } = await buildWithOther(t)
  const headers = [
    'Host: chat.example',
    `Last-Event-ID: ${id}`,
    'Connection: keep-alive, X-Hop',
    'X-Hop: 1',
    'Proxy-Authorization: secret',
    'X-Forwarded-Host: evil.example',
    'Expect: 100-continue',
    'Content-Type: application/x-ndjson',
    'Content-Length: 2',
  ]
  const request = `POST /sse HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n{}`
  await sendRaw(t, gateway, request, (answer) => answer.includes(' 204 '))
  const [seen] = other.seen
  t.match(seen, {
    body: '{}',
    headers: { 'last-event-id': id, 'content-length': '2', 'x-forwarded-for': '127.0.0.1' },
  })
  for (const name of ['x-hop', 'proxy-authorization', 'x-forwarded-host', 'expect']) {
    t.notOk(seen?.headers[name], name)
  }
})

t.test('a client that goes while its request is at another gateway leaves no session behind', async (t) => {
  const { gateway, other, id } = await buildWithOther(t)
  other.server.removeAllListeners('request')
  let [asked, cut] = [0, 0]
  other.server.on('request', (request) => {
    asked++
    request.once('close', () => cut++)
  })
  const { hostname, port } = new URL(gateway.http)
  for (let n = 1; n <= 3; n++) {
    const socket = connect(Number(port), hostname)
    socket.write(`GET /poll HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n\r\n`)
    await until(() => asked === n, 60_000, 'the request')
    socket.destroy()
    await until(() => cut === n, 60_000, 'the end of the request')
  }
  await sendRaw(t, gateway, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal(await gateway.metric('rabble_gateway_connections_total'), 0)
  t.equal(await gateway.metric('rabble_gateway_forwarded_requests_total', { result: 'failed' }), 0)
})

t.test('many polls over one TCP connection leave nothing behind at its socket', async (t) => {
  const gateway = await build(t)
  const accepted = once(gateway.server, 'connection') as Promise<[Socket]>
  const { hostname, port } = new URL(gateway.http)
  const client = connect(Number(port), hostname)
  t.teardown(() => client.destroy())
  let answers = ''
  client.setEncoding('latin1').on('data', (data: string) => {
    answers += data
  })
  const count = () => answers.split('HTTP/1.1 200').length - 1
  const poll = async (id?: string) => {
    const before = count()
    const named = id === undefined ? '' : `Last-Event-ID: ${id}\r\n`
    client.write(`GET /poll?wait=0 HTTP/1.1\r\nHost: x\r\n${named}\r\n`)
    await until(() => count() > before, 60_000, 'the answer')
  }
  await poll()
  await until(() => /id: .*\n\n/.test(answers), 60_000, 'the key')
  const id = /id: (.*)\n\n/.exec(answers)?.[1] ?? ''
  const [socket] = await accepted
  const listeners = () => socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0)
  await poll(id)
  const before = listeners()
  for (let n = 0; n < 100; n++) await poll(id)
  t.equal(listeners(), before)
  t.equal(await gateway.metric('rabble_gateway_connections_total'), 1)
})

t.test('requests that do not wait for answers, or that end their side, harm nothing', async (t) => {
  const gateway = await build(t)
  const first = await sendRaw(t, gateway, 'GET /poll?wait=0 HTTP/1.0\r\n\r\n', (answer) =>
    /id: .*\n\n/.test(answer),
  )
  const id = /id: (.*)\n\n/.exec(first)?.[1] ?? ''
  const line = (method: string, more = '') =>
    `${method} /poll HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n${more}\r\n`
  const ping = (ref: number) => JSON.stringify({ type: 'ping', ref })
  const post = (ref: number) => `${line('POST', `Content-Length: ${ping(ref).length}\r\n`)}${ping(ref)}`
  await sendRaw(t, gateway, `${post(1)}${line('GET')}${line('GET')}${post(2)}`, (answer) =>
    answer.includes(' 204 '),
  )
  const { hostname, port } = new URL(gateway.http)
  const half = connect(Number(port), hostname)
  half.on('error', () => {})
  half.resume().end(`GET /sse HTTP/1.1\r\nHost: x\r\n\r\n`)
  await once(half, 'close')
  await until(
    async () => /id: /.test(await sendRaw(t, gateway, line('GET'), (answer) => answer.includes('\n\n'))),
    60_000,
    'the blocks',
  )
  t.equal(gateway.gateway.unready(), undefined)
})
