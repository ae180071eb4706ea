import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import { buildHub } from '@rabble/harness/official-clients'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { build, type TestGateway } from '../../build.ts'
import { pass } from '../../time.ts'
import { ask } from '../../transports/event-stream/streams.ts'

/** Connects the official client with stateful reconnects. `sockets` are its WebSockets, oldest first. */
async function connect(t: Test, { http }: TestGateway, messagePack: boolean) {
  const sockets: WebSocket[] = []
  class Watched extends WebSocket {
    constructor(url: string, protocols: undefined, options: object) {
      super(url, protocols, options)
      sockets.push(this)
    }
  }
  const hub = buildHub(t, http, { messagePack, stateful: true, WebSocket: Watched })
  const heard: string[] = []
  hub.on('ReceiveMessage', (_user, text) => heard.push(text))
  await hub.start()
  return { hub, heard, sockets }
}

for (const messagePack of [false, true]) {
  t.test(
    `a client goes on after a loss, without a gap or a repeat, ${messagePack ? 'MessagePack' : 'JSON'}`,
    async (t) => {
      const gateway = await build(t)
      const native = await connectChat(t, gateway.ws, { name: 'Native' })
      await native.join('general')
      const { hub, heard, sockets } = await connect(t, gateway, messagePack)
      let closed = false
      hub.onclose(() => {
        closed = true
      })
      await hub.invoke('SendMessage', 'Ada', 'first')
      const expected = new Set(['first'])
      for (let cut = 0; cut < 5; cut++) {
        const invoked: Promise<unknown>[] = []
        for (let n = 0; n < 20; n++) {
          const [mine, other] = [`ada ${cut}.${n}`, `native ${cut}.${n}`]
          expected.add(mine).add(other)
          invoked.push(hub.invoke('SendMessage', mine))
          invoked.push(native.send('general', other))
          if (n === 10) sockets.at(-1)?.terminate()
          if (n % 5 === 0) await new Promise(setImmediate)
        }
        await Promise.all(invoked)
      }
      await until(() => heard.length >= expected.size, 60_000, 'all messages')
      t.same(heard.slice().sort(), [...expected].sort(), 'each comes once')
      const own = () => native.messages('general').map(({ text }) => text)
      await until(() => own().length >= expected.size, 60_000, 'all messages to be sent')
      t.same(own(), heard, 'all are sent once, in the same order')
      t.equal(sockets.length, 6)
      t.notOk(closed)
      t.equal(await gateway.metric('rabble_gateway_connections', { transport: 'signalr' }), 1)
      t.equal(
        await gateway.metric('rabble_gateway_connections_total', { transport: 'signalr' }),
        2,
        'with its name',
      )
      await hub.stop()
      const isGone = async () =>
        (await gateway.metric('rabble_gateway_connections', { transport: 'signalr' })) === 0
      await until(isGone, 60_000, 'the end')
    },
  )
}

t.test('a client that does not come back within 15 seconds is gone, and so is its key', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const answer = await ask(
    'POST',
    `${gateway.http}/chathub/negotiate?negotiateVersion=1&useStatefulReconnect=true`,
  )
  const { connectionToken: key, useStatefulReconnect } = JSON.parse(answer.body)
  t.equal(useStatefulReconnect, true)
  const open = () => {
    const socket = new WebSocket(`${gateway.http.replace('http', 'ws')}/chathub?id=${key}`)
    const texts: string[] = []
    socket.on('message', (data) => texts.push(String(data)))
    socket.on('error', () => {})
    t.teardown(() => socket.terminate())
    return { socket, texts, over: new Promise((resolve) => socket.once('close', resolve)) }
  }
  const first = open()
  first.socket.on('open', () => first.socket.send('{"protocol":"json","version":2}\u001e'))
  await until(() => first.texts.length > 0, 60_000, 'the handshake')
  first.socket.send('{"type":1,"invocationId":"1","target":"Members","arguments":["general"]}\u001e')
  await until(() => first.texts.length > 1, 60_000, 'the answer')
  first.socket.terminate()
  await clock.advance(10_000)
  const second = open()
  await until(() => second.texts.length > 1, 60_000, 'what was not acknowledged')
  t.equal(second.texts[0], '{"type":9,"sequenceId":1}\u001e')
  t.equal(second.texts[1], first.texts[1])
  second.socket.send('{"type":1,"invocationId":"1","target":"Nothing","arguments":[]}\u001e')
  second.socket.send('{"type":9,"sequenceId":1}\u001e')
  second.socket.send('{"type":1,"invocationId":"1","target":"Nothing","arguments":[]}\u001e')
  second.socket.send('{"type":1,"invocationId":"2","target":"Nothing","arguments":[]}\u001e')
  await until(() => second.texts.length > 2, 60_000, 'the new call to be answered')
  t.match(second.texts[2], /"invocationId":"2"/, 'neither the one before the sequence nor the repeat')
  second.socket.send('{"type":9,"sequenceId":9}\u001e')
  await second.over
  t.match(second.texts.at(-1), /"type":7/, 'a gap ends it')
  const third = open()
  await third.over
  t.same(third.texts, [])
  t.equal(await gateway.metric('rabble_gateway_connections'), 0)
})

t.test('the place of a lost client is free after 15 seconds', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const { hub, sockets } = await connect(t, gateway, false)
  await hub.invoke('SendMessage', 'hi')
  const [socket] = sockets
  // Its other WebSockets fail.
  gateway.server.prependListener('upgrade', (_request, tcp) => tcp.destroy())
  socket?.terminate()
  await until(() => hub.state === 'Disconnected', 60_000, 'the client to give up')
  t.equal(await gateway.metric('rabble_gateway_connections'), 1)
  await pass(clock, 1_000, async () => (await gateway.metric('rabble_gateway_connections')) === 0, 'the end')
})
