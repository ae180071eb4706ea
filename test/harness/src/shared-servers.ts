import { randomBytes } from 'node:crypto'
import { type Databases, databasesOf, type Postgres, startPostgres } from './postgres.ts'
import { type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import { controlRabbitMq, type RabbitMqNode } from './rabbitmq-control.ts'
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
    // Each file may have several pools at once.
    startPostgres(t, { settings: { max_connections: '300' } }),
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
export async function sharedRabbitMq(t: TestContext): Promise<{ url: string }> {
  const shared = process.env[rabbitMqVariable]
  if (shared === undefined) return startRabbitMq(t)
  const { url, ...node }: SharedRabbitMq = JSON.parse(shared)
  const name = `test-${randomBytes(8).toString('hex')}`
  const control = controlRabbitMq(node)
  await control.addVirtualHost(name)
  t.teardown(() => control.deleteVirtualHost(name))
  return { url: `${url}/${name}` }
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
