import { readFileSync } from 'node:fs'
import { createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Chat, connect, type Transport } from '@rabble/client'
import {
  assertNothingLeft,
  checkOrder,
  connectChat,
  freePort,
  inForm,
  type Service,
  startCluster,
  type TestContext,
  until,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'

assertNothingLeft(t)

const clientCount = inForm(12, 30)
const writerCount = inForm(3, 6)

/** Ports of Nginx and of the gateways. Clients reach the last gateway through a firewall. */
const nginxPort = await freePort()
const page = `http://127.0.0.1:${nginxPort}`
const publicPorts = [await freePort(), await freePort(), await freePort()]
const firewall = await startFirewall(t, publicPorts[2] ?? 0)
const publicUrls = [...publicPorts.slice(0, 2), firewall.port].map((port) => `ws://127.0.0.1:${port}`)

const cluster = await startCluster(t, {
  gateways: 3,
  histories: 0,
  rooms: 0,
  port: nginxPort,
  restart: false,
  env: { RABBLE_ALLOWED_ORIGINS: page, PUBLIC_GATEWAYS: publicUrls.join(' '), REQUEST_BURST: '100000' },
  gatewayEnv: (n) => ({
    RABBLE_PUBLIC_URL: publicUrls[n] ?? '',
    RABBLE_PUBLIC_PORT: String(publicPorts[n]),
    RABBLE_MESSAGES_PER_SECOND: '1000',
  }),
})

/** Passes connections on to a port, until it is closed: then it ends those that there are, and leaves others without an answer. */
async function startFirewall(t: TestContext, to: number) {
  const sockets = new Set<Socket>()
  let isOpen = true
  const server = createServer((socket) => {
    const ends = [socket, ...(isOpen ? [dial(to, '127.0.0.1')] : [])]
    const [client, gateway] = ends
    for (const end of ends) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        sockets.delete(end)
        for (const other of ends) other.destroy()
      })
    }
    if (gateway !== undefined) client?.pipe(gateway).pipe(client)
  })
  const port = await freePort()
  await new Promise<void>((listens) => server.listen(port, '127.0.0.1', listens))
  const drop = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    drop()
    server.close()
  })
  return {
    port,
    close() {
      isOpen = false
      drop()
    },
  }
}

interface Member {
  readonly chat: Chat
  readonly name: string
  readonly transport: Transport | undefined
  /** Id of its gateway. */
  readonly gateway: string | undefined
  /** Ids of the messages that it saw. */
  readonly seen: string[]
  /** Descriptions of places where it knows that it missed something. */
  readonly gaps: string[]
  say(text: string): Promise<string>
}

async function startMember(t: TestContext, name: string, transports: readonly Transport[]): Promise<Member> {
  const chat = connect({ url: cluster.url, name, transports, WebSocket, keep: 1 })
  t.teardown(() => chat.close())
  const room = chat.room('general')
  const seen: string[] = []
  const gaps: string[] = []
  room.on('message', ({ message }) => seen.push(message.id))
  room.on('gap', (gap) => gaps.push(JSON.stringify(gap)))
  await room.join({ recent: 0 })
  return {
    chat,
    name,
    get transport() {
      return chat.state.status === 'open' ? chat.state.transport : undefined
    },
    get gateway() {
      return chat.state.status === 'open' ? chat.state.gateway : undefined
    },
    seen,
    gaps,
    say: async (text) => (await room.send(text)).id,
  }
}

/** Begins to write, a message after the other. `stop` resolves with the ids of those that were acknowledged. */
function write(members: readonly Member[]) {
  const acknowledged: string[] = []
  let writing = true
  const writers = members.map(async (member) => {
    for (let n = 0; writing; n++) {
      acknowledged.push(await member.say(`${member.name} ${n}`))
      await sleep(20)
    }
  })
  // An error is reported where the writers are awaited.
  for (const writer of writers) writer.catch(() => {})
  return {
    async goOn() {
      const goal = acknowledged.length + 100
      await until(() => acknowledged.length >= goal, 60_000, 'everybody to go on')
    },
    async stop() {
      writing = false
      await Promise.all(writers)
      return acknowledged
    },
  }
}

/** Checks that all members saw all of these messages, once and in the same order. */
async function assertWhole(t: Test, members: readonly Member[], ids: readonly string[]) {
  const all = () => members.every(({ seen }) => new Set(seen).size >= ids.length)
  await until(all, 60_000, 'everybody to see everything')
  const report = checkOrder(Object.fromEntries(members.map(({ name, seen }) => [name, seen])), ids)
  t.ok(report.ok, report.text)
  t.equal(new Set(ids).size, ids.length)
  t.same(
    members.flatMap(({ gaps }) => gaps),
    [],
  )
  t.comment(`${ids.length} messages, ${members.length} members: ${report.text}`)
}

/** Waits until each gateway knows by the reports of the others that all are ready. */
async function allKnowEachOther(t: TestContext): Promise<void> {
  for (const { url } of cluster.gateways) {
    const watcher = await connectChat(t, url, { name: 'Watcher' })
    const knowsAll = async () => {
      const { gateways } = await watcher.request({ type: 'gateways' })
      return gateways.filter(({ state }) => state === 'ready').length === cluster.gateways.length
    }
    await until(knowsAll, 60_000, 'a gateway to know the others as ready')
    await watcher.close()
  }
}

/** Returns the paths that Nginx has served. */
function pathsOfNginx(): string[] {
  const lines = readFileSync(cluster.nginx.accessLog, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => (JSON.parse(line) as { path: string }).path)
}

/** Resolves with the outcome of a WebSocket: `open`, or the error. */
function opened(url: string, origin: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url}/ws`, 'rabble.v1', { origin })
    socket.once('open', () => {
      socket.terminate()
      resolve('open')
    })
    socket.once('error', ({ message }) => resolve(message))
  })
}

t.test(
  'a page of the address of Nginx may connect to a gateway directly, a page of another may not',
  async (t) => {
    for (const url of publicUrls) {
      t.equal(await opened(url, page), 'open')
      t.match(await opened(url, 'https://evil.example'), /403/)
      t.equal((await fetch(`${url.replace('ws', 'http')}/metrics`)).status, 404)
    }
    const policy = (await fetch(cluster.url)).headers.get('content-security-policy')
    t.ok(policy?.includes(`connect-src 'self' ${publicUrls.join(' ')};`), policy ?? '')
  },
)

t.test(
  'clients connect to gateways directly, one of which is killed and another one drained: nothing is lost, repeated or out of order',
  async (t) => {
    await allKnowEachOther(t)
    const before = pathsOfNginx().length
    const members = await Promise.all(
      Array.from({ length: clientCount }, (_, n) =>
        startMember(t, `member ${n}`, ['direct', 'websocket', 'sse', 'polling']),
      ),
    )
    t.same(new Set(members.map(({ transport }) => transport)), new Set(['direct']))
    const homes = members.map(({ gateway }) => gateway)
    t.equal(new Set(homes).size, 3, 'all gateways have some')
    const served = pathsOfNginx().slice(before)
    t.ok(served.includes('/api/route'), 'Nginx tells the way')
    t.same(
      served.filter((path) => /^\/(ws|sse|poll)$/.test(path)),
      [],
      'and carries none of them',
    )

    const [killed, drained] = cluster.gateways as [Service, Service]
    const writing = write(members.slice(0, writerCount))
    await writing.goOn()
    await killed.kill()
    await writing.goOn()
    t.equal(await drained.stop(), 0)
    await writing.goOn()
    const ids = await writing.stop()
    await until(() => members.every(({ chat }) => chat.status === 'open'), 60_000, 'all to be there')
    await assertWhole(t, members, ids)
    t.equal(new Set(members.map(({ gateway }) => gateway)).size, 1, 'all are at the gateway that is left')
    const away = members.filter(({ transport }) => transport !== 'direct')
    t.comment(`${away.length} of them over Nginx, until they try again`)

    // The last gateway gets out of reach, but for Nginx.
    firewall.close()
    const again = write(members.slice(0, writerCount))
    await again.goOn()
    await until(() => members.every(({ chat }) => chat.status === 'open'), 60_000, 'all to be there')
    t.notOk(members.some(({ transport }) => transport === 'direct'))
    await assertWhole(t, members, [...ids, ...(await again.stop())])
  },
)
