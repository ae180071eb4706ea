import {
  type Bridge,
  freePort,
  type ManagedProcess,
  noRateLimits,
  type Postgres,
  type RabbitMq,
  startBridge,
  startNginx,
  startPostgres,
  startRabbitMq,
  startService,
  type TestContext,
} from '@rabble/harness'
import { type Bug, variablesOf } from './bugs.ts'

/** A whole Rabble whose processes and connections can be disturbed one by one. */
export interface ChaosSystem {
  /** Address for clients: a bridge to Nginx. */
  url: string
  secret: string
  processes: Readonly<Record<string, ManagedProcess>>
  /** Connections between two processes, by names such as `history-1 → postgres`. */
  edges: Readonly<Record<string, Bridge>>
  rabbitmq: RabbitMq
  postgres: Postgres
  /** Resolves when every service is ready. @throws Error after `timeout` ms */
  ready(timeout: number): Promise<void>
}

/** Number of processes of each service. */
const counts = { rooms: 2, history: 2, gateway: 3 } as const
type ServiceName = keyof typeof counts

/** Starts all services, RabbitMQ, PostgreSQL and Nginx, with a bridge for each connection between them. */
export async function startChaosSystem(t: TestContext, bug?: Bug): Promise<ChaosSystem> {
  const secret = 'the secret of a system that is disturbed'
  const [rabbitmq, postgres] = await Promise.all([startRabbitMq(t), startPostgres(t)])
  const edges: Record<string, Bridge> = {}
  const bridge = async (from: string, name: string, url: string): Promise<string> => {
    const path = await startBridge(t, url)
    edges[`${from} → ${name}`] = path
    return path.url
  }
  const ports: Record<ServiceName, number[]> = { rooms: [], history: [], gateway: [] }
  for (const service of Object.keys(counts) as ServiceName[]) {
    for (let n = 0; n < counts[service]; n++) ports[service].push(await freePort())
  }
  const services = await Promise.all(
    (Object.keys(counts) as ServiceName[]).flatMap((service) =>
      ports[service].map(async (port, n) => {
        const name = `${service}-${n + 1}`
        const to = (other: ServiceName) => `http://127.0.0.1:${ports[other][n % counts[other]]}`
        const env = {
          ...noRateLimits,
          ...variablesOf(service, bug),
          PORT: String(port),
          LOG_LEVEL: 'warn',
          RABBLE_SECRET: secret,
          RABBLE_TRUSTED_PROXIES: '127.0.0.1',
          RABBLE_AMQP_URL: await bridge(name, 'rabbitmq', rabbitmq.url),
          ...(service === 'gateway'
            ? {
                RABBLE_GATEWAY_NAME: name,
                RABBLE_HISTORY_URL: await bridge(name, `history-${(n % counts.history) + 1}`, to('history')),
              }
            : { RABBLE_DATABASE_URL: await bridge(name, 'postgres', postgres.url) }),
          ...(service !== 'rooms' && {
            RABBLE_ROOMS_URL: await bridge(name, `rooms-${(n % counts.rooms) + 1}`, to('rooms')),
          }),
        }
        return [name, await startService(t, service, env, { wait: 'live' })] as const
      }),
    ),
  )
  await Promise.all(services.map(([, service]) => service.ready()))
  await rabbitmq.streamsSettled()
  const { gateway: gateways, history: histories, rooms } = ports
  const nginx = await startNginx(t, { gateways, histories, rooms, env: { REQUEST_BURST: '100000' } })
  return {
    url: (await bridge('clients', 'nginx', nginx.url)).replace(/\/$/, ''),
    secret,
    processes: { rabbitmq, postgres, nginx, ...Object.fromEntries(services) },
    edges,
    rabbitmq,
    postgres,
    async ready(timeout) {
      await Promise.all(services.map(([, service]) => service.ready(timeout)))
    },
  }
}
