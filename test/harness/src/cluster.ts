import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lockFolder } from '@rabble/folder-lock'
import { assertFree, freePort } from './free-port.ts'
import { createKeeper } from './keeper.ts'
import { type Nginx, startNginx } from './nginx.ts'
import { checkWay, type Postgres, startPostgres } from './postgres.ts'
import { privateFolder } from './private-folder.ts'
import { type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import { secretIn } from './secret.ts'
import { type Service, startService } from './service.ts'
import { sharedPostgres, sharedRabbitMq } from './shared-servers.ts'
import type { TestContext } from './test-context.ts'

export interface ClusterOptions {
  /** Number of gateways. Default: 2. */
  gateways?: number
  /** Replicas of history and of rooms. Default: 1 of each. With 0 of both there is no PostgreSQL either. */
  histories?: number
  rooms?: number
  /**
   * Whether the cluster has a RabbitMQ and a PostgreSQL of its own, for a test that kills, freezes or queries them. Otherwise
   * it has a virtual host and a database on the servers that all test files share. Default: false, or true with a `folder`.
   */
  ownServers?: boolean
  /** Settings of a PostgreSQL of its own, as in `PostgresOptions`. */
  postgresSettings?: Readonly<Record<string, string>>
  /** Whether Nginx is in front. It sends requests for a history or for rooms that there is not to the gateways. Default: true. */
  nginx?: boolean
  /** Address on which Nginx listens. Default: `127.0.0.1` and a free port. */
  host?: string
  port?: number
  /**
   * Folder in which the data of one cluster survives a crash of the machine. Its folder `logs` has the output of each process, and
   * its file `amqp-url` the address of RabbitMQ. Default: one that is removed at teardown.
   */
  folder?: string
  /** More settings for all services, and variables for nginx/render. */
  env?: Readonly<Record<string, string>>
  /** More settings for one gateway, the first of which has the number 0. */
  gatewayEnv?(n: number): Readonly<Record<string, string>>
  /** As in `ServiceOptions`. */
  raiseAddressLimits?: boolean
  /** Whether a process that died is started again, as a container would be. Default: false. */
  restart?: boolean
  /** Whether RabbitMQ exposes metrics. The cluster has a RabbitMQ of its own then. Default: false. */
  brokerMetrics?: boolean
  /** Called for each process that was started, and for each that died. */
  onChange?(name: string, state: 'started' | 'died'): void
  /** Called every 10 s, during the start, for each service that isn't ready, with the reason. */
  onWait?(name: string, reason: string): void
}

export interface Cluster {
  /** Address for clients: of Nginx, or of the first gateway without Nginx. */
  readonly url: string
  /** Secret with which the services sign tokens. */
  readonly secret: string
  readonly gateways: readonly Service[]
  readonly histories: readonly Service[]
  readonly rooms: readonly Service[]
  /** RabbitMQ's address for amqplib. */
  readonly amqpUrl: string
  /** @throws Error if this cluster has no database. `rabbitmq`, `postgres` and `nginx` throw likewise. */
  readonly databaseUrl: string
  readonly rabbitmq: RabbitMq
  readonly postgres: Postgres
  readonly nginx: Nginx
  /** Starts one more gateway, which Nginx doesn't know. */
  addGateway(): Promise<Service>
  /** Asks all processes to shut down. Without this call they are killed at teardown. */
  stop(): Promise<void>
}

/** Rights of the services at the broker, as in containers. They are for names with the default prefix. */
const brokerRights = fileURLToPath(new URL('../../../../docker/rabbitmq-rights.conf', import.meta.url))

/** Settings with which clients may write as fast as they can. */
export const noRateLimits = {
  RABBLE_MESSAGES_PER_SECOND: '100000',
  RABBLE_MESSAGE_BURST: '100000',
  RABBLE_REPLAY_BYTES_PER_SECOND: '1000000000',
}

/**
 * Starts Rabble as plain processes: RabbitMQ, PostgreSQL, gateways, histories, rooms and Nginx. Resolves when all are ready.
 * A restarted service is live when `restart` resolves, and may need a moment more until it is `ready`. `cluster.json` in the
 * folder lists the running processes: `{"processes": [{"name", "pid", "port"}]}`.
 * @throws Error if another process uses the folder or the port
 */
export async function startCluster(t: TestContext, options: ClusterOptions = {}): Promise<Cluster> {
  const { gateways: gatewayCount = 2, histories: historyCount = 1, rooms: roomsCount = 1 } = options
  const host = options.host ?? '127.0.0.1'
  if (options.port !== undefined) await assertFree(host, options.port)
  const folder = options.folder ?? privateFolder(t, 'cluster')
  const list = join(folder, 'cluster.json')
  if (options.folder !== undefined) {
    const lock = lockFolder(folder)
    t.teardown(() => {
      rmSync(list, { force: true })
      lock.release()
    })
  }
  // PostgreSQL's user must be able to enter its folder, and Nginx's user that of the page.
  chmodSync(folder, 0o755)
  if (options.folder !== undefined) checkWay(folder)
  /** Without `folder`, each server has a private folder, whose removal also frees what the server left elsewhere. */
  const kept = (name: string): { folder?: string } => {
    if (options.folder === undefined) return {}
    mkdirSync(join(folder, name), { recursive: true })
    // Messages are private. `startPostgres` and `startNginx` let in the users of their servers.
    chmodSync(join(folder, name), 0o700)
    return { folder: join(folder, name) }
  }
  const secret = options.env?.RABBLE_SECRET ?? secretIn(join(folder, 'secret'))
  const logs = kept('logs').folder
  const keeper = createKeeper(t, list, { ...options, ...(logs !== undefined && { logs }) })

  const ownServers = (options.ownServers ?? options.folder !== undefined) || options.brokerMetrics === true
  const withDatabase = historyCount + roomsCount > 0
  const { brokerMetrics: metrics = false, postgresSettings } = options
  const servers = ownServers
    ? await startOwn(t, {
        kept,
        withDatabase,
        metrics,
        postgresSettings,
        ...(!options.env?.RABBLE_PREFIX && { conf: brokerRights }),
      })
    : await share(t, withDatabase)
  const { rabbitmq, postgres } = servers
  if (rabbitmq) keeper.keep('rabbitmq', 'database', rabbitmq)
  if (postgres) keeper.keep('postgres', 'database', postgres)
  if (options.folder !== undefined) {
    writeFileSync(join(folder, 'amqp-url'), `${servers.amqpUrl}\n`, { mode: 0o600 })
  }

  const ports = async (count: number) => Promise.all(Array.from({ length: count }, freePort))
  const [historyPorts, roomsPorts] = [await ports(historyCount), await ports(roomsCount)]
  /** Returns the variable with the address of one of several replicas. Callers are spread over the replicas. */
  const oneOf = (name: string, ports: readonly number[], n: number): Record<string, string> => {
    const port = ports[n % ports.length]
    return port === undefined ? {} : { [name]: `http://127.0.0.1:${port}` }
  }
  const start = async (service: string, n: number, env: Record<string, string>): Promise<Service> => {
    const common = {
      RABBLE_AMQP_URL: servers.amqpUrl,
      RABBLE_SECRET: secret,
      RABBLE_TRUSTED_PROXIES: '127.0.0.1',
      LOG_LEVEL: 'warn',
      ...options.env,
    }
    // `live` only: services depend on each other, so waiting until one is ready before the others start would never end.
    const started = await startService(
      t,
      service,
      { ...common, ...env },
      { wait: 'live', raiseAddressLimits: options.raiseAddressLimits ?? true },
    )
    return keeper.keep(`${service}-${n + 1}`, 'service', started)
  }
  const database = servers.databaseUrl && { RABBLE_DATABASE_URL: servers.databaseUrl }
  let gatewaysStarted = 0
  const startGateway = () => {
    const n = gatewaysStarted++
    return start('gateway', n, {
      RABBLE_GATEWAY_NAME: `gateway-${n + 1}`,
      ...oneOf('RABBLE_ROOMS_URL', roomsPorts, n),
      ...oneOf('RABBLE_HISTORY_URL', historyPorts, n),
      ...options.gatewayEnv?.(n),
    })
  }
  const [rooms, histories, gateways] = await Promise.all([
    Promise.all(roomsPorts.map((port, n) => start('rooms', n, { ...database, PORT: String(port) }))),
    Promise.all(
      historyPorts.map((port, n) =>
        start('history', n, { ...database, ...oneOf('RABBLE_ROOMS_URL', roomsPorts, n), PORT: String(port) }),
      ),
    ),
    Promise.all(Array.from({ length: gatewayCount }, startGateway)),
  ])
  await Promise.all([...rooms, ...histories, ...gateways].map((service) => readyOf(service, options)))
  // RabbitMQ 3.10 may lose a stream permanently if it is killed within a second of the stream's very first declaration.
  await rabbitmq?.streamsSettled()

  const portOf = ({ port }: Service) => port
  const portsOf = (services: readonly Service[]) => (services.length > 0 ? services : gateways).map(portOf)
  const nginx =
    (options.nginx ?? true)
      ? await startNginx(t, {
          gateways: gateways.map(portOf),
          histories: portsOf(histories),
          rooms: portsOf(rooms),
          ...kept('nginx'),
          host,
          ...(options.port !== undefined && { port: options.port }),
          ...(options.env !== undefined && { env: options.env }),
        })
      : undefined
  if (nginx) keeper.keep('nginx', 'proxy', nginx)
  return {
    url: nginx?.url ?? gateways[0]?.url ?? '',
    secret,
    gateways,
    histories,
    rooms,
    amqpUrl: servers.amqpUrl,
    get databaseUrl() {
      return present(servers.databaseUrl, 'PostgreSQL')
    },
    get rabbitmq() {
      return present(rabbitmq, 'a RabbitMQ of its own')
    },
    get postgres() {
      return present(postgres, 'a PostgreSQL of its own')
    },
    get nginx() {
      return present(nginx, 'Nginx')
    },
    async addGateway() {
      const gateway = await startGateway()
      await gateway.ready()
      return gateway
    },
    stop: keeper.stop,
  }
}

/** Waits until a service is ready, and reports the reason if that takes long. */
async function readyOf(service: Service, { onWait }: ClusterOptions): Promise<void> {
  const telling = setInterval(() => {
    void service.unreadiness().then((reason) => onWait?.(service.name, reason))
  }, 10_000)
  try {
    await service.ready()
  } finally {
    clearInterval(telling)
  }
}

interface Servers {
  amqpUrl: string
  databaseUrl: string | undefined
  rabbitmq?: RabbitMq
  postgres?: Postgres | undefined
}

interface OwnServers {
  kept(name: string): { folder?: string }
  withDatabase: boolean
  metrics: boolean
  /** Configuration of RabbitMQ. */
  conf?: string
  postgresSettings: Readonly<Record<string, string>> | undefined
}

async function startOwn(t: TestContext, options: OwnServers): Promise<Servers> {
  const { kept, withDatabase, metrics, conf } = options
  const folder = kept('postgres')
  // A crash of the machine matters only to data that is kept.
  const settings = { ...(folder.folder !== undefined && { fsync: 'on' }), ...options.postgresSettings }
  const [rabbitmq, postgres] = await Promise.all([
    startRabbitMq(t, { ...kept('rabbitmq'), metrics, ...(conf !== undefined && { conf }) }),
    withDatabase ? startPostgres(t, { ...folder, settings }) : undefined,
  ])
  return { amqpUrl: rabbitmq.url, databaseUrl: postgres?.url, rabbitmq, postgres }
}

async function share(t: TestContext, withDatabase: boolean): Promise<Servers> {
  const [rabbitmq, databaseUrl] = await Promise.all([
    sharedRabbitMq(t),
    withDatabase ? sharedPostgres(t).then((databases) => databases.createDatabase()) : undefined,
  ])
  return { amqpUrl: rabbitmq.url, databaseUrl }
}

function present<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new Error(`this cluster was started without ${name}`)
  return part
}
