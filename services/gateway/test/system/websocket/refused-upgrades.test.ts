import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { createLogger } from '@rabble/service'
import t from 'tap'
import { build } from '../../build.ts'

t.test('a WebSocket that nobody takes is refused and closed, and its URL gets into no log', async (t) => {
  const lines: string[] = []
  const logger = createLogger('gateway', 'trace', { write: (line) => void lines.push(line) })
  const gateway = await build(t, { logger })
  const { hostname, port } = new URL(gateway.http)
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
  for (const [target, status] of [
    ['/nothing', 404],
    ['/sse', 404],
    ['/metrics', 404],
    ['/chathub', 404],
    ['/socket.io/', 400],
    ['/%zz', 400],
    ['http://chat.example:99999/ws', 400],
    [`/${'x'.repeat(600)}`, 414],
    [`/chathub/${'x'.repeat(600)}`, 404],
  ] as const) {
    const query = target === '/chathub' ? '?id=x&access_token=secret' : '?access_token=secret'
    const socket = connect(Number(port), hostname)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.write(`GET ${target}${query} HTTP/1.1\r\nHost: chat.example\r\n${upgrade}${key}\r\n`)
    // The whole text has come only when the gateway has closed the socket.
    t.match(await text(socket), new RegExp(`^HTTP/1.1 ${status} `), target.slice(0, 40))
  }
  await gateway.close()
  t.notMatch(lines.join('\n'), 'secret')
})

t.test(
  'an upgrade right behind another request leaves no socket open, and the gateway goes on',
  async (t) => {
    const gateway = await build(t)
    const { hostname, port } = new URL(gateway.http)
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    const request = (target: string, headers = '') =>
      `GET ${target} HTTP/1.1\r\nHost: chat.example\r\n${headers}\r\n`
    for (const first of ['/nothing', '/sse'])
      for (const second of ['/ws', '/chathub?id=x', '/socket.io/?EIO=4&transport=websocket', '/nothing']) {
        const socket = connect(Number(port), hostname)
        t.teardown(() => socket.destroy())
        await once(socket, 'connect')
        socket.write(request(first) + request(second, upgrade + key))
        socket.resume()
        await once(socket, 'close')
        t.pass(`${first} ${second}`)
      }
    t.equal((await fetch(`${gateway.http}/readyz`)).status, 200)
  },
)
