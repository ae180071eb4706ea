import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import { connectSocketIo } from '@rabble/harness/official-clients'
import t from 'tap'
import { build } from '../../build.ts'
import { createMemoryLog } from '../../memory-log.ts'
import { buildWithRooms } from '../../rooms-build.ts'
import { waitingGets } from '../../transports/event-stream/streams.ts'

interface Event {
  type: string
  room: string
  id: string
  text: string
  code: number
}

for (const version of [4, 2] as const) {
  for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
    t.test(`a client of version ${version} over ${transports.join(' and ')} chats with others`, async (t) => {
      const { http, ws, gateway, log } = await build(t, { lobby: 'lobby' })
      const bob = await connectChat(t, ws, { name: 'Bob' })
      await bob.join('lobby')
      const identity = version === 4 ? { auth: { name: 'Ada' } } : { query: { name: 'Ada' } }
      const ada = await connectSocketIo(t, http, { version, transports, ...identity })
      t.match(await ada.gets('start'), [{ ipHost: gateway.id, user: { name: 'Ada' }, lobby: 'lobby' }])
      if (transports.length === 2) {
        await until(() => ada.transport() === 'websocket', 60_000, 'the upgrade')
      }

      const said = await ada.ask('message', 'hello €')
      t.match(said, { ok: true, id: /./ })
      t.match(await bob.sees(said.id ?? ''), { from: { name: 'Ada' }, text: 'hello €', room: 'lobby' })
      const [heard, event] = await ada.gets('message')
      t.strictSame(Object.keys(heard ?? {}), ['text', 'date', 'ip'])
      t.match(heard, { text: 'hello €', ip: gateway.id, date: /^\d{4}-/ })
      t.match(event, { type: 'message', id: said.id, from: { name: 'Ada' } }, 'the whole event comes too')
      await bob.send('lobby', 'hello Ada')
      await ada.gets('message', ({ text }: Event) => text === 'hello Ada')

      t.match(await ada.ask('send', 'tea', 'too early'), { error: { code: 'not-joined', message: /./ } })
      await bob.join('tea')
      t.match(await ada.ask('join', 'tea'), { ok: true, room: 'tea', events: [], complete: true })
      const { id } = await ada.ask('send', 'tea', 'anybody?', 'my-cid')
      t.match(await bob.sees(id ?? ''), { cid: 'my-cid', text: 'anybody?' })
      t.equal((await ada.ask('send', { room: 'tea', text: 'anybody?', cid: 'my-cid' })).id, id)
      await bob.send('tea', 'me')
      t.match(await ada.gets('event', ({ text }: Event) => text === 'me'), [{ room: 'tea', type: 'message' }])
      t.match(await ada.ask('leave', 'tea'), { ok: true })
      t.match(await ada.ask('nonsense'), { error: { code: 'bad-frame', message: /type must be one of/ } })
      t.match(await ada.ask('message', { no: 'text' }), { error: { code: 'bad-frame' } })

      const [{ user } = { user: { id: '' } }] = (await ada.gets('start')) as { user: { id: string } }[]
      await bob.sendTo(user.id, 'a word in private')
      t.match(await ada.gets('event', ({ text }: Event) => text === 'a word in private'), [{ room: /^dm:/ }])
      for (const room of [`user:${user.id}`, '*']) {
        const from = { id: 'system', name: 'System' }
        const rest = { type: 'message', from, at: '2026-11-22T10:00:00.000Z', via: 'worker' }
        log.inject(JSON.stringify({ ...rest, room, id: `to ${room}`, text: `to ${room}` }))
        t.match(
          await ada.gets('message', ({ text }: Event) => text === `to ${room}`),
          [{ ip: 'worker' }, { room, from }],
          'a notice is a message too',
        )
      }
    })
  }
}

t.test('events without an acknowledgement are answered by events', async (t) => {
  const { http } = await build(t)
  const ada = await connectSocketIo(t, http)
  ada.emit('join', 'tea')
  t.match(await ada.gets('event', ({ type }: Event) => type === 'joined'), [{ room: 'tea', events: [] }])
  ada.emit('send', 'coffee', 'x')
  t.match(await ada.gets('event', ({ type }: Event) => type === 'error'), [{ code: 'not-joined' }])
})

t.test('a client is who its token says, or a guest with its name or a new one', async (t) => {
  const { http, tokens } = await build(t, { auth: 'jwt' })
  const token = await tokens.sign({ id: 'ada', name: 'Ada' }, 600)
  for (const identity of [
    { auth: { token } },
    { query: { token } },
    { version: 2 as const, query: { token } },
  ]) {
    const ada = await connectSocketIo(t, http, identity)
    t.match(await ada.gets('start'), [{ user: { id: 'ada', name: 'Ada' } }])
  }
  const refusal = { message: /^unauthorized: /, data: { code: 'unauthorized', message: /./ } }
  for (const auth of [{}, { token: 'forged' }, { name: 'Ada' }]) {
    t.match(await refusalOf(connectSocketIo(t, http, { auth })), refusal)
  }
  t.match(await refusalOf(connectSocketIo(t, http, { auth: { token: { a: 1 } } })), {
    data: { code: 'bad-frame' },
  })
  const old = connectSocketIo(t, http, { version: 2, query: { token: 'forged' } })
  t.match(await refusalOf(old), { code: 'unauthorized' })
})

t.test('a name belongs to one guest, whose library comes back as the same guest', async (t) => {
  const { a, b } = await buildWithRooms(t, 2)
  const ada = await connectSocketIo(t, a.http, { auth: { name: 'Ada' } })
  const [start] = (await ada.gets('start')) as unknown as [{ token: string; user: object }]
  t.match(await refusalOf(connectSocketIo(t, b.http, { auth: { name: 'Ada' } })), {
    data: { code: 'name-taken' },
  })
  const nameless = await connectSocketIo(t, b.http)
  t.match(await nameless.gets('start'), [{ user: { name: /^Guest [0-9a-f]{8}$/ } }])
  // As the library does it, with what it got when it connected first.
  const again = await connectSocketIo(t, b.http, { auth: { name: 'Ada', pid: start.token, offset: 'gone' } })
  t.match(await again.gets('start'), [{ user: start.user, complete: false }])
  const other = await connectSocketIo(t, b.http, { auth: { name: 'Cleo', pid: 'a.b.c' } })
  t.match(await other.gets('start'), [{ user: { name: 'Cleo' } }], 'a token that is over is no obstacle')
  other.disconnect()
  await until(
    async () => {
      const third = await connectSocketIo(t, a.http, { auth: { name: 'Cleo' } }).catch(() => undefined)
      return third !== undefined
    },
    60_000,
    'the name of a client that has left to be free',
  )
})

for (const transports of [['websocket'], ['polling']]) {
  t.test(`a client over ${transports} comes back after its gateway, and misses nothing`, async (t) => {
    const log = createMemoryLog(1)
    t.teardown(() => log.close())
    const first = await build(t, { log })
    const port = Number(new URL(first.http).port)
    const other = await build(t, { log })
    const bob = await connectChat(t, other.ws, { name: 'Bob' })
    await bob.join('general')
    const options = { transports, reconnection: true, reconnectionDelay: 50, auth: { name: 'Ada' } }
    const requests = waitingGets(first.server)
    const ada = await connectSocketIo(t, first.http, options)
    const { id } = await bob.send('general', 'seen')
    await ada.gets('message', ({ text }: Event) => text === 'seen')
    if (transports[0] === 'polling') await until(() => requests() > 0, 60_000, 'the next poll')
    await first.close()
    await ada.gets('disconnect')
    t.match(await ada.gets('event', ({ type }: Event) => type === 'close'), [{ code: 1001 }])
    await bob.send('general', 'missed')
    const second = await build(t, { log, port })
    await ada.gets('message', ({ text }: Event) => text === 'missed')
    t.match(await ada.gets('start', ({ ipHost }: { ipHost: string }) => ipHost === second.gateway.id), [
      { complete: true, user: { name: 'Ada' } },
    ])
    await bob.send('general', 'live')
    await ada.gets('message', ({ text }: Event) => text === 'live')
    const texts = ada.events.flatMap(([name, data]) =>
      name === 'message' ? [(data as unknown as Event).text] : [],
    )
    t.strictSame(texts, ['seen', 'missed', 'live'])
    t.match((await ada.ask('join', { room: 'general', after: id })).events, [
      { text: 'missed' },
      { text: 'live' },
    ])
  })
}

for (const transports of [['websocket'], ['polling']]) {
  t.test(`a client of version 2 over ${transports} comes back after its gateway`, async (t) => {
    const log = createMemoryLog(1)
    t.teardown(() => log.close())
    const first = await build(t, { log })
    const other = await build(t, { log })
    const bob = await connectChat(t, other.ws, { name: 'Bob' })
    await bob.join('general')
    const options = { transports, reconnection: true, reconnectionDelay: 50, query: { name: 'Ada' } }
    const ada = await connectSocketIo(t, first.http, { version: 2, ...options })
    const { id } = await bob.send('general', 'seen')
    await ada.gets('message', ({ text }: Event) => text === 'seen')
    await first.close()
    await bob.send('general', 'missed')
    const second = await build(t, { log, port: Number(new URL(first.http).port) })
    await ada.gets('start', ({ ipHost }: { ipHost: string }) => ipHost === second.gateway.id)
    const { events } = await ada.ask('join', 'general', id)
    t.match(events, [{ text: 'missed' }], 'it asks for what it missed')
    await bob.send('general', 'live')
    t.match(await ada.gets('message', ({ text }: Event) => text === 'live'), [{ ip: other.gateway.id }])
  })
}

t.test('a client that the gateway does not want stays away, others come back by themselves', async (t) => {
  const clock = createManualClock()
  const { http, tokens } = await build(t, { clock })
  const token = await tokens.sign({ id: 'ada', name: 'Ada' }, 600)
  const ada = await connectSocketIo(t, http, { auth: { token }, reconnection: true })
  clock.jump(601_000)
  await clock.advance(1_000)
  t.match(await ada.gets('event', ({ type }: Event) => type === 'close'), [{ code: 4401 }])
  t.match(await ada.gets('disconnect'), ['io server disconnect'])
})

t.test('a lobby that a client may not enter is an error', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  rooms.put('room:general', { kind: 'room', room: 'general', capacity: 1 })
  await connectSocketIo(t, a.http)
  t.match(await refusalOf(connectSocketIo(t, a.http)), { data: { code: 'room-full' } })
})

async function refusalOf(connecting: Promise<unknown>): Promise<unknown> {
  try {
    await connecting
  } catch (error) {
    return error
  }
  return undefined
}
