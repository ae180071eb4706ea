import type { ServerFrame } from '@rabble/contract'
import { type ChatClient, connectChat, inForm, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog } from '../memory-log.ts'
import { shows } from '../shown-conversations.ts'
import { connectHubChat } from './signalr/hub-connection.ts'

type Connect = (t: Test, gateway: TestGateway, token: string) => Promise<ChatClient>

const overNative =
  (transport: 'websocket' | 'sse' | 'polling' | 'socketio' | 'socketio-polling'): Connect =>
  (t, { ws }, token) =>
    connectChat(t, ws, { token, transport })

const overHub =
  (options: { messagePack?: boolean; over?: 'ServerSentEvents' | 'LongPolling' }): Connect =>
  (t, gateway, token) =>
    connectHubChat(t, gateway, { token, ...options })

/** One of each protocol, and of each way in which frames travel, in the usual form. */
const transports: Record<string, Connect> = {
  WebSocket: overNative('websocket'),
  'long polling': overNative('polling'),
  'Socket.IO': overNative('socketio'),
  'SignalR, SSE': overHub({ over: 'ServerSentEvents' }),
  ...inForm<Record<string, Connect>>(
    {},
    {
      SSE: overNative('sse'),
      'Socket.IO, polling': overNative('socketio-polling'),
      SignalR: overHub({}),
      'SignalR, MessagePack': overHub({ messagePack: true }),
      'SignalR, long polling': overHub({ over: 'LongPolling' }),
    },
  ),
}

/** Starts a gateway with a real history. */
async function start(t: Test) {
  const log = createMemoryLog()
  t.teardown(() => log.close())
  const gateway = await build(t, { log, history: await buildHistory(t, log) })
  return { gateway, tokenOf: (id: string) => gateway.tokens.sign({ id, name: id }, 600) }
}

t.test(
  'what a user reads, mutes and leaves on one device reaches all others, whatever transport each one has',
  async (t) => {
    const { gateway, tokenOf } = await start(t)
    const ada = await connectChat(t, gateway.ws, { token: await tokenOf('ada') })
    await ada.join('team')
    const devices = new Map<string, ChatClient>()
    for (const [name, connect] of Object.entries(transports)) {
      const device = await connect(t, gateway, await tokenOf('bob'))
      devices.set(name, device)
      await device.join('team')
      await device.request({ type: 'watch' })
    }
    const all = [...devices.values()]
    const allSee = (what: (frame: ServerFrame) => boolean) =>
      Promise.all(all.map((device) => device.waitFor(what, 60_000)))

    let muted = false
    for (const [name, device] of devices) {
      const { id } = await ada.send('team', `for ${name}`)
      for (const other of all) await shows(other, 'team', { unread: 1 })
      muted = !muted
      await device.request({ type: 'mute', room: 'team', muted })
      await device.request({ type: 'read', room: 'team', upTo: id })
      for (const other of all) await shows(other, 'team', { unread: 0, readUpTo: id, muted })
      await device.react('team', id, '👍')
      await allSee((frame) => frame.type === 'reaction' && frame.message === id)
    }
    await all[0]?.request({ type: 'leave', room: 'team' })
    for (const other of all) await shows(other, 'team', undefined)
    t.strictSame(
      ada.messages('team').map(({ text }) => text),
      Object.keys(transports).map((name) => `for ${name}`),
    )
  },
)

t.test('signals and mentions reach each device, whatever transport it has', async (t) => {
  const { gateway, tokenOf } = await start(t)
  const ada = await connectChat(t, gateway.ws, { token: await tokenOf('ada') })
  await ada.join('team')
  await ada.join('elsewhere')
  const first = await connectChat(t, gateway.ws, { token: await tokenOf('bob') })
  // Bob is a member of a room that no device shows.
  await first.join('elsewhere')
  await shows(await watching(first), 'elsewhere', { unread: 0 })
  await first.close()
  for (const [name, connect] of Object.entries(transports)) {
    const device = await connect(t, gateway, await tokenOf('bob'))
    await device.join('team')
    await watching(device)
    ada.raw(JSON.stringify({ type: 'signal', room: 'team', name: 'cursor', data: { at: name } }))
    const signal = await device.waitFor(({ type }) => type === 'signal', 60_000)
    t.match(signal, { room: 'team', name: 'cursor', data: { at: name }, from: { id: 'ada' } }, name)
    const text = `Bob, by ${name}`
    const { id } = await ada.request({ type: 'send', room: 'elsewhere', text, mentions: ['bob'] })
    const mention = await device.waitFor(({ type }) => type === 'mention', 60_000)
    t.match(mention, { room: 'elsewhere', message: { id, text } }, name)
    await device.close()
  }
})

t.test('who is here, and what a user hides, reaches each device, whatever transport it has', async (t) => {
  const { gateway, tokenOf } = await start(t)
  const ada = await connectChat(t, gateway.ws, { token: await tokenOf('ada') })
  await ada.sendTo('bob', 'hello')
  const devices = await Promise.all(
    Object.values(transports).map(async (connect) => connect(t, gateway, await tokenOf('bob'))),
  )
  const follow = async (device: ChatClient) => {
    const { people } = await device.request({ type: 'people', users: ['ada'] })
    return people.length === 1
  }
  for (const device of devices) await until(() => follow(device), 60_000, 'Ada to be shown')
  const allSee = (what: (frame: ServerFrame) => boolean) =>
    Promise.all(devices.map((device) => device.waitFor(what, 60_000)))
  ada.raw(JSON.stringify({ type: 'away', away: true }))
  await allSee((frame) => frame.type === 'people' && frame.people[0]?.state === 'away')
  await devices[0]?.request({ type: 'privacy', presence: false })
  await allSee((frame) => frame.type === 'privacy' && !frame.presence && 'version' in frame)
  for (const device of devices) t.notOk(await follow(device), 'a user who hides sees nobody')
})

async function watching(client: ChatClient): Promise<ChatClient> {
  await client.request({ type: 'watch' })
  return client
}
