import { randomBytes } from 'node:crypto'
import { type Databases, databasesOf, type Postgres, startPostgres } from './postgres.ts'
import { type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import {
  controlRabbitMq,
  type RabbitMqControl,
  type RabbitMqNode,
  type UserPermissions,
} from './rabbitmq-control.ts'
import type { TestContext } from './test-context.ts'

/** Environment variables with the addresses of the servers that test files share. */
const rabbitMqVariable = 'RABBLE_TEST_RABBITMQ'
const postgresVariable = 'RABBLE_TEST_POSTGRES'

/** Content of the broker's variable, as JSON. */
type SharedRabbitMq = RabbitMqNode & { url: string }

/** Starts a broker and a PostgreSQL for many test files, and returns the environment variables for these files. */
export async function startSharedServers(t: TestContext): Promise<Record<string, string>> {
  const [broker, postgres] = await Promise.all([
    startRabbitMq(t),
    // Each file may have several pools at once. Nothing kills this server, so no page is written by halves. Without whole pages in the log
    // and without a vacuum of each database, those of each test cost a third less CPU time.
    startPostgres(t, {
      settings: { max_connections: '300', full_page_writes: 'off', autovacuum: 'off' },
    }),
  ])
  return variablesOf(broker, postgres)
}

function variablesOf({ url, node }: RabbitMq, postgres: Postgres): Record<string, string> {
  const shared: SharedRabbitMq = { ...node, url }
  return { [rabbitMqVariable]: JSON.stringify(shared), [postgresVariable]: postgres.url }
}

/**
 * Returns the address of an empty virtual host of the broker that all test files of this run share. Without a shared broker
 * it starts one for this file. For tests that don't kill, freeze or reconfigure the broker; others use `startRabbitMq`.
 */
export async function sharedRabbitMq(t: TestContext): Promise<VirtualHost> {
  const shared = process.env[rabbitMqVariable]
  if (shared === undefined) {
    const broker = await startRabbitMq(t)
    return virtualHost(t, { url: broker.url, name: '/', control: broker })
  }
  const { url, ...node }: SharedRabbitMq = JSON.parse(shared)
  const name = `test-${randomBytes(8).toString('hex')}`
  const control = controlRabbitMq(node)
  await control.addVirtualHost(name)
  t.teardown(() => control.deleteVirtualHost(name))
  return virtualHost(t, { url: `${url}/${name}`, name, control })
}

/** A virtual host of a broker. */
export interface VirtualHost {
  /** Address for amqplib of a user with all permissions. */
  readonly url: string
  /** Creates a user with these permissions, and returns its address. It is removed at teardown. */
  addUser(permissions: Omit<UserPermissions, 'virtualHost'>): Promise<string>
}

function virtualHost(
  t: TestContext,
  { url, name, control }: { url: string; name: string; control: RabbitMqControl },
): VirtualHost {
  return {
    url,
    async addUser(permissions) {
      const [user, password] = [`user-${randomBytes(8).toString('hex')}`, randomBytes(16).toString('hex')]
      await control.addUser(user, password, { ...permissions, virtualHost: name })
      t.teardown(() => control.deleteUser(user))
      return Object.assign(new URL(url), { username: user, password }).href
    },
  }
}

/**
 * Returns the databases of the PostgreSQL that all test files of this run share. Those created are dropped at teardown.
 * Without a shared server it starts one for this file. For tests that don't kill, freeze or reconfigure the server; others
 * use `startPostgres`.
 */
export async function sharedPostgres(t: TestContext): Promise<Databases> {
  const shared = process.env[postgresVariable]
  if (shared === undefined) return startPostgres(t)
  const databases = databasesOf(shared)
  const made = new Set<string>()
  t.teardown(() => Promise.all([...made].map(databases.dropDatabase)))
  return {
    ...databases,
    async createDatabase(template) {
      const address = await databases.createDatabase(template)
      made.add(address)
      return address
    },
    async dropDatabase(address) {
      made.delete(address)
      await databases.dropDatabase(address)
    },
  }
}
