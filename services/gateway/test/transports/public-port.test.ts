import { once } from 'node:events'
import { connect } from 'node:net'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, freePort } from '@rabble/harness'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { PublicPortOptions } from '../../src/transports/public-port.ts'
import { build } from '../build.ts'

/** Starts a gateway with a public port. */
async function start(t: Test, options: Partial<PublicPortOptions> = {}) {
  const port = await freePort()
  const refusals: string[] = []
  const gateway = await build(t, {
    allowedOrigins: new Set(['https://chat.example']),
    publicPort: {
      port,
      allowedOrigins: new Set(['https://chat.example']),
      refused: (reason) => refusals.push(reason),
      ...options,
    },
  })
  return { ...gateway, port, http: `http://127.0.0.1:${port}`, door: `ws://127.0.0.1:${port}/ws`, refusals }
}

/** Opens a WebSocket. Resolves with `open`, or the error. */
async function opened(t: Test, url: string, origin?: string): Promise<string> {
  const socket = new WebSocket(url, 'rabble.v1', { ...(origin !== undefined && { origin }) })
  t.teardown(() => socket.terminate())
  return new Promise((resolve) => {
    socket.once('open', () => resolve('open'))
    socket.once('error', ({ message }) => resolve(message))
  })
}

t.test('at the public port there are WebSockets, and nothing else of the gateway', async (t) => {
  const { http, door, gateway, close } = await start(t)
  const ada = await connectChat(t, door, { name: 'Ada' })
  await ada.join('general')
  await ada.send('general', 'hello')
  for (const path of ['/metrics', '/readyz', '/livez', '/api/route', '/sse', '/poll', '/ws', '/internal/x']) {
    t.equal((await fetch(http + path)).status, 404, path)
  }
  for (const path of ['/socket.io/?EIO=4&transport=websocket', '/chathub', '/ws/x', '/'])
    t.match(await opened(t, door.replace('/ws', path)), /404/, path)
  const closed = ada.closed
  await close()
  t.match(await closed, { code: 1001 })
  t.ok(gateway.closed)
  t.match(await opened(t, door), /ECONNREFUSED/)
})

t.test('only pages of allowed origins may connect there, and programs', async (t) => {
  const { door, refusals } = await start(t)
  t.equal(await opened(t, door, 'https://chat.example'), 'open')
  t.equal(await opened(t, door), 'open')
  t.same(refusals, [])
  for (const origin of ['https://evil.example', new URL(door).origin.replace('ws', 'http'), 'null'])
    t.match(await opened(t, door, origin), /403/, origin)
  t.same(refusals, ['origin', 'origin', 'origin'])
})

t.test('one address has a limited number of connections there, a trusted proxy any number', async (t) => {
  const { door, refusals } = await start(t, { perAddress: 2 })
  const [first] = [await connectChat(t, door), await connectChat(t, door)]
  t.match(await opened(t, door), /ECONNRESET|hang up/)
  t.same(refusals, ['address'])
  await first.close()
  t.equal(await opened(t, door), 'open', 'a place is free again')
  const proxied = await start(t, { perAddress: 1, isProxy: (address) => address === '127.0.0.1' })
  for (let n = 0; n < 3; n++) t.equal(await opened(t, proxied.door), 'open')
})

t.test('the port has a limited number of connections, from whatever addresses', async (t) => {
  const { door } = await start(t, { connections: 1, isProxy: () => true })
  const first = await connectChat(t, door)
  t.match(await opened(t, door), /ECONNRESET|hang up/)
  await first.close()
})

t.test('only a proxy of that port can say from where a client comes', async (t) => {
  const claim = { headers: { 'x-forwarded-for': '203.0.113.7' } }
  for (const [isProxy, network] of [
    [false, '127.0.0.1'],
    [true, '203.0.113.7'],
  ] as const) {
    const { door, gateway } = await start(t, { isProxy: () => isProxy })
    const addresses: string[] = []
    const { open } = gateway
    gateway.open = (connection, client) => {
      addresses.push(client.address)
      return open(connection, client)
    }
    const socket = new WebSocket(door, 'rabble.v1', claim)
    await once(socket, 'open')
    socket.terminate()
    t.same(addresses, [network])
  }
})

t.test('one address opens a limited number of connections a second there', async (t) => {
  const clock = createManualClock()
  const { port, refusals } = await start(t, { clock, perAddress: 10_000 })
  for (let n = 0; n < 2_001; n++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.destroy()
  }
  while (refusals.length === 0) await new Promise(setImmediate)
  t.same(refusals, ['address'])
})
