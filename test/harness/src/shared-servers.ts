import { randomBytes } from 'node:crypto'
import { type Databases, databasesOf, type Postgres, startPostgres } from './postgres.ts'
import { type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import { controlRabbitMq, type RabbitMqNode } from './rabbitmq-control.ts'
import type { TestContext } from './test-context.ts'

/** The variables by which the processes of test files find the servers that they share. */
const rabbitMqVariable = 'RABBLE_TEST_RABBITMQ'
const postgresVariable = 'RABBLE_TEST_POSTGRES'

/** A broker as its variable describes it, in JSON. */
type SharedRabbitMq = RabbitMqNode & { url: string }

/** Starts a broker and a PostgreSQL for many test files, and returns the variables to start the files with. */
export async function startSharedServers(t: TestContext): Promise<Record<string, string>> {
  const [broker, postgres] = await Promise.all([
    startRabbitMq(t),
    // Each file may have several pools at a time.
    startPostgres(t, { settings: { max_connections: '300' } }),
  ])
  return variablesOf(broker, postgres)
}

function variablesOf({ url, node }: RabbitMq, postgres: Postgres): Record<string, string> {
  const shared: SharedRabbitMq = { ...node, url }
  return { [rabbitMqVariable]: JSON.stringify(shared), [postgresVariable]: postgres.url }
}

/**
 * The address of an empty virtual host of the broker that all test files of this run share, or else of a broker of this
 * file's own. For tests that don't kill, freeze or reconfigure it; the others start one by `startRabbitMq`.
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
 * Databases of the PostgreSQL that all test files of this run share, or else of one of this file's own. They go at teardown.
 * For tests that don't kill, freeze or reconfigure it; the others start one by `startPostgres`.
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
