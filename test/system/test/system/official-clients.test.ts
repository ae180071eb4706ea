import type { MessageEvent } from '@rabble/contract'
import {
  assertNothingLeft,
  checkOrder,
  connectChat,
  inForm,
  startCluster,
  startSteadyClient,
  until,
} from '@rabble/harness'
import {
  buildHub,
  connectSocketIo,
  type Member,
  type MemberOptions,
  startHubMember,
  startSocketIoMember,
} from '@rabble/harness/official-clients'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { WebSocket } from 'ws'
import {
  cookieHubWays,
  type HubWay,
  hubWays,
  kindsOf,
  nameFor,
  type SocketIoWay,
  socketIoWays,
  startLossyHub,
} from '../official-ways.ts'
import { startSdkMember } from '../sdk-member.ts'
import { storedIn } from '../stored.ts'

assertNothingLeft(t)

const lobby = 'general'
const cluster = await startCluster(t, {
  gateways: inForm(2, 3),
  env: { REQUESTS_PER_SECOND: '100000', REQUEST_BURST: '100000' },
})
const { url, gateways } = cluster
const tokens = createTokens(cluster.secret)

const sdkTransports = ['websocket', 'sse', 'polling'] as const

const tokenFor = (name: string) => tokens.sign({ id: `user-${name.split(' ', 1)}`, name }, 3_600)

t.test(
  'each client chats with native clients at all gateways, and gets errors as its users know them',
  async (t) => {
    const natives = await Promise.all(
      gateways.map((gateway, n) => connectChat(t, gateway.url, { name: `Native ${n}` })),
    )
    await Promise.all(natives.map((native) => native.join(lobby)))
    const saidBy = async (name: string, text: string) => {
      for (const native of natives) {
        const isIt = (event: MessageEvent) => event.text === text && event.from.name === name
        await native.waitFor((frame) => frame.type === 'message' && isIt(frame))
      }
    }
    const talk = async (name: string, hears: (text: string) => boolean) => {
      for (const [n, native] of natives.entries()) {
        await native.send(lobby, `from ${n} to ${name}`)
        await until(() => hears(`from ${n} to ${name}`), 60_000, `${name} to hear ${n}`)
      }
    }

    async function chatOverHub(way: HubWay & { cookies: boolean }): Promise<void> {
      const name = nameFor(way)
      const hub = buildHub(t, url, way)
      const heard = new Set<unknown>()
      hub.on('ReceiveMessage', (_user, text) => heard.add(text))
      await hub.start()
      await hub.invoke('SendMessage', name, `I am ${name}`)
      await saidBy(name, `I am ${name}`)
      await talk(name, (text) => heard.has(text))
      await t.rejects(hub.invoke('SendMessage', 'Native 1', 'x'), {
        message:
          "An unexpected error occurred invoking 'SendMessage' on the server. HubException: somebody else has this name",
      })
      await t.rejects(hub.invoke('Nothing'), { message: "Unknown hub method 'Nothing'" })
      await hub.stop()
    }

    async function chatOverSocketIo(way: SocketIoWay): Promise<void> {
      const { version, transports } = way
      const name = nameFor(way)
      const by = (name: string) => (version === 2 ? { query: { name } } : { auth: { name } })
      const client = await connectSocketIo(t, url, { ...way, ...by(name) })
      const hears = (text: string) =>
        client.events.some(([, data]) => (data as { text?: string } | undefined)?.text === text)
      t.match(await client.ask('message', `I am ${name}`), { ok: true })
      await saidBy(name, `I am ${name}`)
      await talk(name, hears)
      await until(() => client.transport() === transports.at(-1), 60_000, `the upgrade of ${name}`)
      t.match(await client.ask('send', 'nowhere', 'x'), { error: { code: 'not-joined' } })
      const data = { code: 'name-taken', message: 'somebody else has this name' }
      const taken = connectSocketIo(t, url, { ...way, ...by('Native 1') })
      await t.rejects(taken, version === 2 ? data : { message: /^name-taken: /, data })
      client.disconnect()
    }

    // One library after the other: all clients share a process, in which each would wait for the others.
    await Promise.all(hubWays.map(chatOverHub))
    await Promise.all(cookieHubWays.map((way) => chatOverHub({ ...way, cookies: true })))
    await Promise.all(socketIoWays.map(chatOverSocketIo))
  },
)

for (const messagePack of [false, true]) {
  t.test(
    `a stateful reconnect goes on with the connection, ${messagePack ? 'messagepack' : 'json'}`,
    async (t) => {
      const sockets: WebSocket[] = []
      class Watched extends WebSocket {
        constructor(address: string, protocols: undefined, options: object) {
          super(address, protocols, options)
          sockets.push(this)
        }
      }
      const hub = buildHub(t, url, { messagePack, stateful: true, WebSocket: Watched })
      const heard: string[] = []
      hub.on('ReceiveMessage', (_user: string, text: string) => heard.push(text))
      await hub.start()
      const native = await connectChat(t, url, { name: nameFor({ version: 10 }) })
      await native.join(lobby)
      const said = Array.from({ length: 20 }, (_, n) => `${n} to one that is lost, ${messagePack}`)
      for (const [n, text] of said.entries()) {
        if (n === 10) sockets[0]?.terminate()
        await native.send(lobby, text)
      }
      await until(() => heard.includes(said.at(-1) ?? ''), 60_000, 'the last message')
      t.same(
        heard.filter((text) => said.includes(text)),
        said,
        'all come, and none twice',
      )
      t.equal(sockets.length, 2)
    },
  )
}

t.test('over killed gateways, each client comes back as far as its protocol allows', async (t) => {
  const natives = await Promise.all(
    gateways.map((gateway, n) =>
      startSteadyClient(t, { url: gateway.url, name: `Steady ${n}`, rooms: [lobby, 'tea'] }),
    ),
  )
  const resuming: { name: string; heard: MessageEvent[]; member: Member }[] = []
  const add = async (
    name: string,
    withToken: boolean,
    start: (options: MemberOptions) => Promise<Member>,
  ) => {
    const heard: MessageEvent[] = []
    const token = withToken ? { token: await tokenFor(name) } : {}
    const hear = (message: MessageEvent) => heard.push(message)
    resuming.push({ name, heard, member: await start({ url, lobby, name, hear, ...token }) })
  }
  await Promise.all([
    ...hubWays.flatMap((way, index) =>
      kindsOf(index, ['Stream', 'Join'] as const).map((resume) =>
        add(nameFor(way), resume === 'Stream', (options) => startHubMember(t, { ...way, resume }, options)),
      ),
    ),
    ...socketIoWays.flatMap((way, index) =>
      kindsOf(index, [true, false]).map((withToken) =>
        add(nameFor(way), withToken, (options) => startSocketIoMember(t, way, options)),
      ),
    ),
    ...sdkTransports.flatMap((transport, index) =>
      kindsOf(index, [true, false]).map((withToken) =>
        add(nameFor({ version: 1, sdk: transport }), withToken, (options) =>
          startSdkMember(t, transport, options),
        ),
      ),
    ),
  ])
  const lossy = await Promise.all(
    hubWays.flatMap((way, index) =>
      kindsOf(index, ['ends', 'guest', 'token'] as const).map((row) =>
        startLossyHub(t, url, { way, row, tokenFor }),
      ),
    ),
  )
  const inTea = await Promise.all(
    ([4, 3, 2] as const).map((version) => connectSocketIo(t, url, { version, reconnection: true })),
  )
  await Promise.all(inTea.map((client) => client.ask('join', 'tea')))

  const acknowledged: string[] = []
  const spoken: string[] = []
  /** Lets everybody say something that is repeated until it is acknowledged. */
  const talk = async (text: string) => {
    const said = [
      ...natives.map((native) => native.send(lobby, `${native.name}: ${text}`)),
      ...resuming.map(({ name, member }) => member.say(`${name}: ${text}`)),
    ]
    acknowledged.push(...(await Promise.all(said)))
  }
  const say = async (text: string, speakers = lossy) => {
    await Promise.all(speakers.map((client) => client.say(text)))
    spoken.push(...speakers.map(({ name }) => `${name}: ${text}`))
  }
  /** Lets a client come back, and say something by the name that it has: that of a guest is held for a while. */
  const goOn = async ({ name, row, hub, hears }: (typeof lossy)[number], what: string) => {
    let attempts = 0
    const speak = async () => {
      // A client without cookies also loses its connection with a gateway that merely passed its requests on.
      if (row === 'ends' && hub.state === 'Disconnected') await hub.start()
      const text = `${name}: ${what} ${++attempts}`
      await hub.invoke('SendMessage', text)
      await hears(text)
      return spoken.push(text) > 0
    }
    await until(speak, 60_000, `${name} to come back`)
  }
  const start = (await natives[0]?.send(lobby, 'all are here')) ?? ''
  await Promise.all([talk('first'), say('first')])
  const before = await natives[0]?.send('tea', 'before')

  let missed = 0
  for (const [n, gateway] of gateways.entries()) {
    const doomed = natives[n]?.gateway
    const ended = lossy.filter(({ row, via }) => row === 'ends' && via() === doomed)
    const talking = talk(`while ${n} dies`)
    await gateway.kill()
    const other = natives[(n + 1) % natives.length]
    await until(
      () => ended.every(({ hub }) => hub.state === 'Disconnected'),
      60_000,
      'the connections to end',
    )
    await other?.send('tea', `while ${n} is dead`)
    acknowledged.push((await other?.send(lobby, `missed ${n}`)) ?? '')
    await Promise.all(ended.map(({ hub }) => hub.start()))
    missed += ended.length
    for (const { name, heard } of ended) t.notOk(heard.includes(`missed ${n}`), `${name} has missed it`)
    await gateway.restart()
    await gateway.ready()
    await talking
    await Promise.all(lossy.map((client) => goOn(client, `after ${n}`)))
  }
  t.ok(missed > 0)

  for (const client of inTea) {
    const { events = [] } = await client.ask('join', { room: 'tea', after: before })
    t.same(
      events.map(({ text }) => text),
      gateways.map((_, n) => `while ${n} is dead`),
    )
  }
  const [withToken, guests] = [true, false].map((is) => lossy.filter(({ row }) => (row === 'token') === is))
  await say('the same user', withToken)
  for (const client of guests ?? []) {
    const claim = async () => {
      const error = await client.say('my name again').catch(({ message }: Error) => message)
      if (error) t.match(error, /HubException: somebody else has this name/)
      return !error
    }
    await until(claim, 120_000, `${client.name} to have its name`)
    spoken.push(`${client.name}: my name again`)
  }
  await talk('last')
  const last = natives[0] ? `${natives[0].name}: last` : ''

  let stored: MessageEvent[] = []
  const isStored = async () => {
    stored = await storedIn(url, lobby)
    const ids = new Set(stored.map(({ id }) => id))
    return acknowledged.every((id) => ids.has(id))
  }
  await until(isStored, 60_000, 'history to have everything')
  const sinceStart = (ids: string[]) => ids.slice(ids.indexOf(start))
  const streams = () => ({
    history: sinceStart(stored.map(({ id }) => id)),
    ...Object.fromEntries(natives.map((native) => [native.name, sinceStart(native.ids(lobby))])),
    ...Object.fromEntries(resuming.map(({ name, heard }) => [name, sinceStart(heard.map(({ id }) => id))])),
  })
  await until(() => checkOrder(streams(), acknowledged).ok, 30_000, 'all to hear all').catch(() => {})
  const report = checkOrder(streams(), acknowledged)
  t.ok(report.ok, report.text)

  const texts = stored.map(({ text }) => text)
  const usersOf = (name: string) => {
    const own = stored.filter(({ text }) => text.startsWith(`${name}: `))
    return new Set(own.map(({ from }) => from.id)).size
  }
  for (const { name, member } of resuming) {
    t.ok(member.comebacks > 0, `${name} came back`)
    t.equal(usersOf(name), 1, `${name} is the same user`)
  }
  for (const { name, row, heard, hears } of lossy) {
    await hears(last)
    const places = heard.map((text) => texts.indexOf(text))
    t.ok(
      places.every((place, n) => place > (places[n - 1] ?? -1)),
      `${name} has heard everything once and in order`,
    )
    t.equal(usersOf(name) === 1, row === 'token')
  }
  for (const text of spoken) t.equal(texts.filter((other) => other === text).length, 1)
})
