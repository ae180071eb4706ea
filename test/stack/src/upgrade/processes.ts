import {
  freePort,
  type Service,
  startNginx,
  startPostgres,
  startRabbitMq,
  startService,
  type TestContext,
} from '@rabble/harness'
import { type ServiceName, scriptOf, services, type Version } from './versions.ts'

/** A place in the system where a process of any version runs: always at the same port. */
export interface Place {
  /** Such as `gateway-1`. */
  name: string
  service: ServiceName
  /** Stops the process that runs here, and starts one of another version. Resolves when it is ready. */
  update(version: Version): Promise<void>
}

export interface System {
  /** Address of Nginx. */
  url: string
  secret: string
  /** Two of each service, in the order in which they start. */
  places: readonly Place[]
}

/** Starts a system of one version: RabbitMQ, PostgreSQL, two processes of each service, and the Nginx of this version. */
export async function startSystem(t: TestContext, version: Version): Promise<System> {
  const secret = 'the secret of a system that is updated'
  const [rabbitmq, postgres] = await Promise.all([startRabbitMq(t), startPostgres(t)])
  const ports = {
    rooms: [await freePort(), await freePort()],
    history: [await freePort(), await freePort()],
    gateway: [await freePort(), await freePort()],
  }
  const common = {
    RABBLE_AMQP_URL: rabbitmq.url,
    RABBLE_DATABASE_URL: postgres.url,
    RABBLE_SECRET: secret,
    RABBLE_TRUSTED_PROXIES: '127.0.0.1',
    RABBLE_LOGINS_PER_MINUTE: '60000',
    LOG_LEVEL: 'warn',
  }
  const places = services.flatMap((service) =>
    ports[service].map((port, n): Place & { start(version: Version): Promise<void> } => {
      const name = `${service}-${n + 1}`
      const env = {
        ...common,
        PORT: String(port),
        RABBLE_ROOMS_URL: `http://127.0.0.1:${ports.rooms[n]}`,
        RABBLE_HISTORY_URL: `http://127.0.0.1:${ports.history[n]}`,
      }
      let running: Service | undefined
      const start = async (version: Version) => {
        running = await startService(t, service, env, { script: scriptOf(version, service), wait: 'live' })
      }
      return {
        name,
        service,
        start,
        async update(version) {
          await running?.stop()
          await start(version)
          await running?.ready()
        },
      }
    }),
  )
  await Promise.all(places.map((place) => place.start(version)))
  await rabbitmq.streamsSettled()
  const { gateway: gateways, history: histories, rooms } = ports
  const { url } = await startNginx(t, { gateways, histories, rooms, env: { REQUEST_BURST: '100000' } })
  return { url, secret, places }
}
