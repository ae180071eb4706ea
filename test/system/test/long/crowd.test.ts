import type { MessageEvent } from '@rabble/contract'
import { assertNothingLeft, checkOrder, noRateLimits, startCluster, until } from '@rabble/harness'
import {
  type HubWay,
  type Member,
  type MemberOptions,
  type SocketIoWay,
  startHubMember,
  startSocketIoMember,
} from '@rabble/harness/official-clients'
import { createTokens } from '@rabble/service'
import t, { type Test } from 'tap'
import { startSdkMember } from '../sdk-member.ts'
import { storedIn } from '../stored.ts'

assertNothingLeft(t)

const clientCount = 1_001
const messageCount = 10_000
/** Maximum number of messages that a client may lack before the next one is sent. */
const window = 500
const lobby = 'general'

type Start = (t: Test, options: MemberOptions) => Promise<Member>
const overHub =
  (way: HubWay): Start =>
  (t, options) =>
    startHubMember(t, { cookies: false, ...way }, options)
const overSocketIo =
  (transports: SocketIoWay['transports']): Start =>
  (t, options) =>
    startSocketIoMember(t, { version: 4, transports }, options)
/** Ways to be in the room, each of which resumes by its own means. */
const ways: Readonly<Record<string, Start>> = {
  'SDK, WebSocket': (t, options) => startSdkMember(t, 'websocket', options),
  'SDK, SSE': (t, options) => startSdkMember(t, 'sse', options),
  'SDK, polling': (t, options) => startSdkMember(t, 'polling', options),
  'Socket.IO, WebSocket': overSocketIo(['websocket']),
  'Socket.IO, polling': overSocketIo(['polling']),
  'Socket.IO, both': overSocketIo(['polling', 'websocket']),
  'SignalR, WebSocket': overHub({ resume: 'Stream' }),
  'SignalR, WebSocket, MessagePack': overHub({ resume: 'Join', messagePack: true }),
  'SignalR, SSE': overHub({ resume: 'Stream', over: 'ServerSentEvents' }),
  'SignalR, polling': overHub({ resume: 'Join', over: 'LongPolling' }),
  'SignalR, polling, MessagePack': overHub({ resume: 'Stream', over: 'LongPolling', messagePack: true }),
}

interface Client {
  name: string
  /** Ids of the messages that it heard, in the order of arrival. */
  heard: string[]
  member: Member
}

t.test(
  `${clientCount} clients of all kinds get each of ${messageCount} messages once and in one order, over killed gateways`,
  async (t) => {
    const { url, gateways, secret } = await startCluster(t, {
      gateways: 3,
      env: {
        ...noRateLimits,
        REQUESTS_PER_SECOND: '100000',
        REQUEST_BURST: '100000',
        RABBLE_LOBBY: lobby,
        // All clients share one process, in which each waits for the others. The library of SignalR throws an error that nobody can
        // catch if a connection over Server-Sent Events is refused before its handshake is sent.
        RABBLE_HELLO_TIMEOUT_MS: '120000',
      },
    })
    const tokens = createTokens(secret)
    /** The lists of all clients share their ids. */
    const ids = new Map<string, string>()
    const places = Array.from({ length: clientCount }, (_, n) => n)
    const clients: Client[] = []
    const connectNext = async () => {
      for (let n = places.shift(); n !== undefined; n = places.shift()) {
        const [way = '', start] = Object.entries(ways)[n % Object.keys(ways).length] ?? []
        const name = `${n} ${way}`
        const heard: string[] = []
        const hear = ({ id }: MessageEvent) => {
          if (!ids.has(id)) ids.set(id, id)
          heard.push(ids.get(id) ?? id)
        }
        const token = await tokens.sign({ id: `user-${n}`, name }, 3_600)
        const member = await start?.(t, { url, lobby, name, token, hear })
        if (member !== undefined) clients.push({ name, heard, member })
      }
    }
    await Promise.all(Array.from({ length: 20 }, connectNext))
    t.equal(clients.length, clientCount)

    const acknowledged: string[] = []
    let sent = 0
    const isFree = () => clients.every(({ heard }) => sent - heard.length < window)
    const write = async ({ name, member }: Client) => {
      while (sent < messageCount) {
        sent++
        acknowledged.push(await member.say(`${name} says ${sent}`))
        await until(isFree, 300_000, 'all clients to keep up')
      }
    }
    const writers = clients.slice(0, 3 * Object.keys(ways).length)
    const begin = performance.now()
    const writing = Promise.all(writers.map(write))
    const written = (part: number) =>
      until(() => acknowledged.length >= part * messageCount, 600_000, `${part} of all messages`)
    for (const [n, gateway] of gateways.entries()) {
      await written(0.1 + 0.3 * n)
      await gateway.kill()
      // Its clients miss some messages, whichever gateway they come back to.
      await written(0.2 + 0.3 * n)
      await gateway.restart()
      await gateway.ready()
    }
    await writing
    const writtenIn = performance.now() - begin
    const hasAll = ({ heard }: Client) => heard.length >= messageCount
    await until(() => clients.every(hasAll), 300_000, 'all to hear all').catch(() => {})
    let stored: string[] = []
    const isStored = async () => {
      stored = (await storedIn(url, lobby)).map(({ id }) => id)
      return stored.length >= messageCount
    }
    await until(isStored, 300_000, 'history to have all')

    const differs = ({ heard }: Client) =>
      heard.length !== stored.length || heard.some((id, n) => id !== stored[n])
    const different = clients.filter(differs).slice(0, 20)
    const streams = Object.fromEntries(different.map(({ name, heard }) => [name, heard]))
    const report = checkOrder({ history: stored, ...streams }, acknowledged)
    t.ok(report.ok, report.text)
    t.equal(stored.length, messageCount)
    const cameBack = new Set(
      clients.filter(({ member }) => member.comebacks > 0).map(({ name }) => wayOf(name)),
    )
    t.equal(cameBack.size, Object.keys(ways).length, 'clients of each kind came back')
    const comebacks = clients.reduce((sum, { member }) => sum + member.comebacks, 0)
    t.comment(`${comebacks} comebacks; written in ${Math.round(writtenIn / 1_000)} s`)
  },
)

function wayOf(name: string): string {
  return name.slice(name.indexOf(' ') + 1)
}
