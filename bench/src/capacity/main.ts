import { setTimeout as sleep } from 'node:timers/promises'
import { connectPostgres } from '@rabble/database'
import {
  createRandom,
  type ManagedProcess,
  noRateLimits,
  privateFolder,
  startCluster,
  until,
} from '@rabble/harness'
import { print, runBench } from '../bench.ts'
import { publishBacklog } from '../history-catch-up/backlog.ts'
import { Generator } from '../peers/generator.ts'
import { postgresDefaults } from '../postgres.ts'
import { cpuSeconds, residentKibibytes } from '../usage.ts'
import { bytesIn } from './bytes-in.ts'

const count = /^[1-9]\d{0,7}$/

await runBench({
  name: 'capacity',
  help: 'memory and CPU time of connections that do nothing, and the disk that messages take: the figures of docs/capacity.md',
  options: {
    clients: { default: '4000', rule: count, help: 'connections, each in one room' },
    rooms: { default: '200', rule: count, help: 'rooms that they are in' },
    messages: {
      default: '200000',
      rule: count,
      help: 'messages that are stored, of about 300 bytes in the log',
    },
    seconds: { default: '60', rule: /^[1-9]\d{0,2}$/, help: 'for which the connections do nothing' },
  },
  async run(t, values) {
    const [rooms, messages, seconds] = [Number(values.rooms), Number(values.messages), Number(values.seconds)]
    const members = Math.ceil(Number(values.clients) / rooms)
    const clients = rooms * members
    const folder = privateFolder(t, 'capacity')
    const cluster = await startCluster(t, {
      folder,
      gateways: 1,
      postgresSettings: postgresDefaults,
      env: { ...noRateLimits, REQUEST_BURST: '1000000' },
    })
    const processes: Record<string, ManagedProcess> = {
      gateway: one(cluster.gateways),
      rooms: one(cluster.rooms),
      history: one(cluster.histories),
      nginx: cluster.nginx,
      rabbitmq: cluster.rabbitmq,
      postgres: cluster.postgres,
    }
    const look = (of: (pid: number) => number, names = Object.keys(processes)) =>
      Object.fromEntries(names.map((name) => [name, of(processes[name]?.pid ?? -1)]))
    // The others hold nothing for a connection, and what they take changes by more than is looked for.
    const resident = () => look(residentKibibytes, ['gateway', 'rooms', 'nginx'])

    // The first clients make the processes load and compile what they need once.
    const generator = new Generator(t)
    const ports = [Number(new URL(cluster.url).port)]
    const idle = { protocol: 'rabble', ports, senders: 0, rate: 0 } as const
    await generator.connect({ ...idle, rooms: 1, members: 100 })
    await sleep(5_000)
    const before = resident()
    const others = new Generator(t)
    await others.connect({ ...idle, rooms, members })
    await sleep(10_000)
    const after = resident()
    const kibibytesPerConnection = share(before, after, clients)
    const used = look(cpuSeconds)
    await sleep(seconds * 1_000)
    const microsecondsPerConnectionAndSecond = share(used, look(cpuSeconds), (clients * seconds) / 1e6)
    await Promise.all([generator.stop(), others.stop()])
    print(`${clients} connections, each in one of ${rooms} rooms`)
    printAll('KiB for each', kibibytesPerConnection)
    printAll('µs of CPU time for each in a second', microsecondsPerConnectionAndSecond)

    const database = await connectPostgres(cluster.databaseUrl, { connections: 1 })
    t.teardown(() => database.close())
    const size = async () => {
      const [row] = await database.query<{ rows: number; indexed: number; bytes: number; search: number }>(
        `select (select count(*) from history.messages) as rows, (select count(*) from history.search) as indexed,
                pg_database_size(current_database()) as bytes, pg_total_relation_size('history.search') as search`,
        [],
      )
      return { rows: 0, indexed: 0, bytes: 0, search: 0, ...row, log: bytesIn(`${folder}/rabbitmq`) }
    }
    const empty = await size()
    const eventBytes = await publishBacklog(cluster.rabbitmq.url, {
      events: messages,
      rooms: 50,
      batch: 20,
      random: createRandom(1),
    })
    await until(
      async () => (await size()).indexed >= empty.indexed + messages,
      1_800_000,
      'all messages to be in the search',
    )
    const full = await size()
    if (full.rows !== empty.rows + messages) throw new Error(`${full.rows - empty.rows} messages are stored`)
    const bytesPerMessage = {
      event: Math.round(eventBytes),
      log: Math.round((full.log - empty.log) / messages),
      postgres: Math.round((full.bytes - empty.bytes) / messages),
      search: Math.round((full.search - empty.search) / messages),
    }
    print(`${messages} messages`)
    printAll('bytes of disk for each', bytesPerMessage)
    return {
      clients,
      rooms,
      kibibytesPerConnection,
      microsecondsPerConnectionAndSecond,
      messages,
      bytesPerMessage,
    }
  },
})

type Figures = Record<string, number>

/** Returns what each figure grew by, divided by `number`. */
function share(before: Figures, after: Figures, number: number): Figures {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [
      name,
      Math.round(((value - (before[name] ?? 0)) / number) * 10) / 10,
    ]),
  )
}

function printAll(what: string, figures: Figures): void {
  const list = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  print(`  ${what}: ${list.join(', ')}`)
}

/** @throws Error unless the list has exactly one member */
function one<Member>([first, ...rest]: readonly Member[]): Member {
  if (first === undefined || rest.length > 0) throw new Error('there must be exactly one')
  return first
}
