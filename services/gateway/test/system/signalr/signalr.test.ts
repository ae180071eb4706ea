import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import { buildHub, type HubTransport } from '@rabble/harness/official-clients'
import { createLogger } from '@rabble/service'
import t from 'tap'
import { WebSocket } from 'ws'
import { build } from '../../build.ts'
import { asProgram } from '../../external-publish/program.ts'
import { buildWithRooms } from '../../rooms-build.ts'
import { pass } from '../../time.ts'
import { ask, waitingGets } from '../../transports/event-stream/streams.ts'
import { connectHub } from './hub-connection.ts'

const ways: [over: HubTransport, messagePack: boolean][] = [
  ['WebSockets', false],
  ['WebSockets', true],
  ['ServerSentEvents', false],
  ['LongPolling', false],
  ['LongPolling', true],
]

for (const [over, messagePack] of ways) {
  const way = `${over}, ${messagePack ? 'MessagePack' : 'JSON'}`
  t.test(`the official client chats with native clients, over ${way}`, async (t) => {
    const { a } = await buildWithRooms(t)
    const native = await connectChat(t, a.ws, { name: 'Native' })
    await native.join('general')
    const { hub, heard } = await connectHub(t, a, { over, messagePack })
    await native.send('general', 'before you have a name')
    await until(() => heard.length === 1, 60_000, 'the message')
    t.same(heard[0], ['Native', 'before you have a name', a.gateway.id])
    const text = 'é ü 中文 👨‍👩‍👧‍👦 "quotes" \\ line\nfeed\u001e\u007f'
    t.equal((await hub.invoke('SendMessage', 'Ada', text)) ?? undefined, undefined)
    await until(() => heard.length === 2, 60_000, 'its own message')
    t.same(heard[1], ['Ada', text, a.gateway.id])
    await native.waitFor(
      (frame) => frame.type === 'message' && frame.from.name === 'Ada' && frame.text === text,
    )
    await hub.invoke('sendmessage', 'it is Ada still')
    await until(() => heard.length === 3, 60_000, 'its second message')
    t.same(heard[2], ['Ada', 'it is Ada still', a.gateway.id])
    await hub.invoke('SendMessage', 'Bea', 'another name')
    await until(() => heard.length === 4, 60_000, 'its third message')
    t.same(heard[3], ['Bea', 'another name', a.gateway.id])
    const { users } = await native.request({ type: 'members', room: 'general' })
    t.same(users.map(({ name }) => name).sort(), ['Bea', 'Native'], 'it has one name at a time')
    await t.rejects(hub.invoke('SendMessage', 'native', 'x'), {
      message: /invoking 'SendMessage' on the server\. HubException: somebody else has this name$/,
    })
    await hub.invoke('SendMessage', 'Bea', 'and goes on')
    await hub.stop()
    const isGone = async () => (await a.metric('rabble_gateway_connections', { transport: 'signalr' })) === 0
    await until(isGone, 60_000, 'the end')
  })

  t.test(`rooms, streams and errors work over ${way}`, async (t) => {
    const { a } = await buildWithRooms(t)
    const native = await connectChat(t, a.ws, { name: 'Native' })
    await native.join('music')
    const { hub, heard, events } = await connectHub(t, a, { over, messagePack })
    await hub.invoke('JoinChatRoom', 'music', 'Ada')
    await hub.invoke('BroadcastUserMessageToChatRoom', 'la la', 'music', 'Ada')
    await until(() => heard.length === 1, 60_000, 'the message')
    t.same(heard, [['Ada: la la']])
    await hub.invoke('SendMessage', 'to all')
    await until(() => heard.length === 2, 60_000, 'the message in the lobby')
    t.same(heard[1], ['Ada: to all'], 'a client of rooms gets one text, also from the lobby')
    await hub.invoke('LeaveChatRoom', 'music', 'Ada')
    await native.send('music', 'she is gone')
    await t.rejects(hub.invoke('BroadcastUserMessageToChatRoom', 'la', 'music', 'Ada'), {
      message: /HubException: .*join the room first/,
    })
    t.equal(heard.length, 2)

    const joined = await hub.invoke('Join', 'music')
    t.match(joined, { room: 'music', complete: true, count: 2 })
    t.match(
      joined.events.map((event: string) => JSON.parse(event)),
      [{ text: 'la la' }, { text: 'she is gone' }],
    )
    const id = await hub.invoke('Send', 'music', 'whole', 'c1')
    t.equal(await hub.invoke('Send', 'music', 'whole', 'c1'), id, 'the same cid is the same message')
    await hub.invoke('Edit', 'music', id, 'edited')
    await hub.invoke('Delete', 'music', id)
    await hub.invoke('SendToUser', native.user?.id, 'psst')
    await native.waitFor((frame) => frame.type === 'message' && frame.text === 'psst')
    const changes = () => events.filter(({ type }) => type !== 'presence')
    await until(() => changes().length === 4, 60_000, 'all events')
    t.same(
      changes().map(({ type }) => type),
      ['message', 'edit', 'delete', 'message'],
    )
    const { users, count } = await hub.invoke('Members', 'music')
    t.same([count, ...users.map(({ name }: { name: string }) => name).sort()], [2, 'Ada', 'Native'])
    t.match(JSON.parse(await hub.invoke('Request', '{"type":"ping","ref":1}')), { type: 'pong' })
    t.match(JSON.parse(await hub.invoke('Request', '{"type":"join","room":"a\\u0000"}')), {
      code: 'bad-frame',
    })
    await hub.invoke('Leave', 'music')

    const items: string[] = []
    const errors: Error[] = []
    const read = (room: string, after?: string) =>
      hub.stream('Stream', room, ...(after === undefined ? [] : [after])).subscribe({
        next: (item) => items.push(JSON.parse(item).text),
        error: (error) => errors.push(error),
        complete() {},
      })
    const reading = read('music', joined.events.length > 0 ? JSON.parse(joined.events[0]).id : '')
    await until(() => items.length >= 1, 60_000, 'what was missed')
    await native.send('music', 'live')
    await until(() => items.includes('live'), 60_000, 'what comes')
    t.equal(items[0], 'she is gone')
    reading.dispose()
    const isAlone = async () => (await native.request({ type: 'members', room: 'music' })).count === 1
    await until(isAlone, 60_000, 'it to leave with the stream')
    read('a:b')
    await until(() => errors.length > 0, 60_000, 'the error')
    t.match(errors[0]?.message, /HubException/)

    for (const [method, args, message] of [
      ['Nothing', [], /^Unknown hub method 'Nothing'$/],
      ['SendMessage', [], /SendMessage takes \(user, message\)/],
      ['SendMessage', ['a', 'b', 'c'], /Failed to invoke 'SendMessage' due to an error on the server/],
      ['Join', [7], /it takes texts/],
      ['Stream', ['music'], /'Stream' method with a non-streaming invocation/],
      ['Request', ['[]'], /must be one JSON object/],
    ] as const) {
      await t.rejects(hub.invoke(method, ...args), { message })
    }
    t.equal(hub.state, 'Connected')
  })
}

t.test('clients of version 3.1 chat over all their transports', async (t) => {
  const gateway = await build(t)
  for (const over of ['WebSockets', 'ServerSentEvents', 'LongPolling'] as const) {
    const hub = buildHub(t, gateway.http, { version: 3, over, path: '/ChatHub' })
    const heard: unknown[][] = []
    hub.on('ReceiveMessage', (...args: unknown[]) => heard.push(args))
    await hub.start()
    await hub.invoke('JoinChatRoom', 'music', `Ada ${over}`)
    await hub.invoke('BroadcastUserMessageToChatRoom', 'hi', 'music', `Ada ${over}`)
    await until(() => heard.length > 0, 60_000, 'the message')
    t.same(heard, [[`Ada ${over}: hi`]])
    await t.rejects(hub.invoke('Nothing'), { message: /Unknown hub method/ })
    await hub.stop()
  }
})

t.test('a token says who it is, in the header or in the query, and a call can not change that', async (t) => {
  const { a } = await buildWithRooms(t, 1, { auth: 'jwt' })
  const token = await a.tokens.sign({ id: 'ada', name: 'Ada' }, 600)
  for (const over of ['WebSockets', 'ServerSentEvents', 'LongPolling'] as const) {
    const { hub, heard } = await connectHub(t, a, { over, accessTokenFactory: () => token })
    await hub.invoke('SendMessage', 'Ada', over)
    await until(() => heard.some(([, text]) => text === over), 60_000, 'the message')
    await t.rejects(hub.invoke('SendMessage', 'Bob', 'x'), { message: /signed in as Ada/ })
    t.match(JSON.parse(await hub.invoke('Request', '{"type":"hello","name":"Bob"}')), { code: 'bad-frame' })
    await hub.stop()
  }
  const raw = new WebSocket(`${a.ws.replace('/ws', '/chathub')}?access_token=${token}`)
  t.teardown(() => raw.terminate())
  const texts: string[] = []
  raw.on('message', (data) => texts.push(String(data)))
  raw.on('open', () => raw.send('{"protocol":"json","version":1}\u001e'))
  await until(() => texts.length > 0, 60_000, 'the handshake')
  t.equal(texts[0], '{}\u001e')
  for (const accessTokenFactory of [() => '', () => 'forged']) {
    await t.rejects(buildHub(t, a.http, { accessTokenFactory }).start(), {
      message: /handshake error.*token/,
    })
  }
})

t.test('notices of programs come from System, to one user and to all', async (t) => {
  const { a } = await buildWithRooms(t)
  const post = await asProgram(a)
  const { hub, heard } = await connectHub(t, a)
  await hub.invoke('SendMessage', 'Ada', 'hi')
  await until(() => heard.length === 1, 60_000, 'the message')
  await post('notify', { text: 'for all' })
  await until(() => heard.length === 2, 60_000, 'the notice')
  t.same(heard[1], ['System', 'for all', a.gateway.id])
  const { users } = await hub.invoke('Members', 'general')
  await post('notify', { user: users[0].id, text: 'for Ada' })
  await until(() => heard.length === 3, 60_000, 'the notice')
  t.same(heard[2], ['System', 'for Ada', a.gateway.id])
})

t.test('a name is free as soon as the guest who took it by a call is gone', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  const { hub } = await connectHub(t, a, { over: 'ServerSentEvents' })
  await hub.invoke('SendMessage', 'Ada', 'hi')
  t.same([...rooms.held.keys()], ['ada'])
  const next = await connectHub(t, a)
  await t.rejects(next.hub.invoke('SendMessage', 'Ada', 'x'), { message: /HubException/ })
  await hub.stop()
  await until(() => !rooms.held.has('ada'), 60_000, 'the name')
  await next.hub.invoke('SendMessage', 'Ada', 'it is mine')
})

for (const over of ['WebSockets', 'ServerSentEvents', 'LongPolling'] as const) {
  t.test(`clients are told to come back when their gateway stops, over ${over}`, async (t) => {
    const gateway = await build(t)
    const hub = buildHub(t, gateway.http, { over, reconnects: [60_000] })
    const requests = waitingGets(gateway.server)
    await hub.start()
    if (over === 'LongPolling') await until(() => requests() > 0, 60_000, 'the next poll')
    let reason: Error | undefined
    hub.onreconnecting((error) => {
      reason = error
    })
    await gateway.close()
    await until(() => hub.state === 'Reconnecting', 60_000, 'the client to come back')
    t.match(reason, { message: 'Server returned an error on close: this gateway is stopping' })
  })
}

t.test('an access token gets into no log', async (t) => {
  const lines: string[] = []
  const logger = createLogger('gateway', 'trace', { write: (line) => void lines.push(line) })
  const gateway = await build(t, { logger })
  const token = await gateway.tokens.sign({ id: 'ada', name: 'Ada' }, 600)
  for (const over of ['WebSockets', 'ServerSentEvents', 'LongPolling'] as const) {
    const { hub } = await connectHub(t, gateway, { over, accessTokenFactory: () => token })
    await hub.invoke('SendMessage', 'hi')
    await hub.stop()
  }
  const url = `${gateway.http}/chathub/negotiate?access_token=${token}`
  t.equal((await ask('POST', url)).status, 200)
  t.ok(lines.length > 0)
  t.notOk(lines.some((line) => line.includes(token) || line.includes('?id=')))
})

t.test('a silent client gets pings, and one of which nothing is heard for 30 seconds is gone', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const hear = async (answers: boolean) => {
    const socket = new WebSocket(gateway.ws.replace('/ws', '/chathub'), { autoPong: answers })
    t.teardown(() => socket.terminate())
    const texts: string[] = []
    socket.on('message', (data) => texts.push(String(data)))
    socket.on('open', () => socket.send('{"protocol":"json","version":1}\u001e'))
    await until(() => texts.length > 0, 60_000, 'the handshake')
    return texts
  }
  const [live] = [await hear(true), await hear(false)]
  const connections = () => gateway.metric('rabble_gateway_connections')
  await pass(clock, 1_000, () => live.length > 1, 'a ping')
  t.equal(live[1], '{"type":6}\u001e')
  await pass(clock, 1_000, async () => (await connections()) < 2, 'the silent one to be gone')
  t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'silent' }), 1)
})
