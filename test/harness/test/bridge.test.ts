import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { startBridge, type TestContext, until } from '@rabble/harness'
import t from 'tap'

/** Starts a server behind a bridge, and connects to it. `received` is what the server got. */
async function begin(t: TestContext) {
  let received = ''
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      received += data
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const bridge = await startBridge(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const client = connect(Number(new URL(bridge.url).port), '127.0.0.1')
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  const got = (text: string) => until(() => received === text, 10_000, `${text} to arrive`)
  client.write('1')
  await got('1')
  return { bridge, client, got, received: () => received }
}

t.test('a bridge that stalls keeps the connection, and hands over what it held back', async (t) => {
  const { bridge, client, got, received } = await begin(t)
  bridge.stall()
  for (const text of ['2', '3']) await new Promise((resolve) => client.write(text, resolve))
  // Data that was not held back would come before that of a connection that is opened only now.
  const other = await begin(t)
  await other.got('1')
  t.equal(received(), '1')
  bridge.mend()
  await got('123')
})

t.test('a slow bridge keeps the order', async (t) => {
  const { bridge, client, got } = await begin(t)
  bridge.slow(20)
  client.write('2')
  await got('12')
  client.write('3')
  bridge.mend()
  client.write('4')
  await got('1234')
})

t.test('a bridge that is cut ends what is open, and lets nobody in until it is mended', async (t) => {
  const { bridge, client } = await begin(t)
  const port = Number(new URL(bridge.url).port)
  bridge.cut()
  await once(client, 'close')
  const refused = connect(port, '127.0.0.1')
  refused.on('error', () => {})
  await once(refused, 'close')
  bridge.mend()
  const again = connect(port, '127.0.0.1')
  await once(again, 'connect')
  again.destroy()
})
