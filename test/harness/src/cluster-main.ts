import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { type Cluster, startCluster } from './cluster.ts'
import type { TestContext } from './test-context.ts'

const help = `Runs Rabble as plain processes, without containers: RabbitMQ, PostgreSQL, gateways, history, rooms and Nginx.

  make cluster                  at http://127.0.0.1:8080, with 2 gateways
  make cluster GATEWAYS=4 PORT=9000 HOST=0.0.0.0 DATA_DIR=/var/lib/rabble

DATA_DIR (./data-cluster) keeps everything. DATA_DIR/cluster.json lists the processes, and DATA_DIR/logs has a file for each:
\`make logs\` follows them. A process that ends is started again after a second. DATA_DIR/amqp-url has the address of RabbitMQ.
Other settings (RABBLE_…, LOG_…) are given to all services. Needs rabbitmq-server, postgresql and nginx: as root on
Debian, test/setup installs them. Ctrl-C stops everything.
`
if (process.argv.includes('--help')) {
  process.stdout.write(help)
  process.exit(0)
}

/** Folder of the data in earlier versions. It is still used if it holds a cluster. */
const former = './data/cluster'
// `make start` lets only the owner into ./data. As root, PostgreSQL and Nginx run as users of their own and can't enter it.
const ownFolder = existsSync(`${former}/postgres/data/PG_VERSION`) ? former : './data-cluster'
const folder = resolve(process.env.DATA_DIR || ownFolder)
const teardowns: (() => unknown)[] = []
const context: TestContext = {
  name: 'cluster',
  teardown: (work) => teardowns.push(work),
  comment: (message) => process.stderr.write(`${message}\n`),
  passing: () => process.exitCode === undefined || process.exitCode === 0,
}

let cluster: Cluster | undefined
let stopping = false
async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  process.exitCode = code
  await cluster?.stop()
  for (const work of teardowns.reverse()) await Promise.resolve(work()).catch(() => {})
  say('stopped')
  process.exit()
}

function say(message: string): void {
  process.stdout.write(`${message}\n`)
}

function number(name: string, fallback: number): number {
  const text = process.env[name] || String(fallback)
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value < 65_536) return value
  process.stderr.write(`${name} must be a whole number from 1 to 65535, and is ${JSON.stringify(text)}\n`)
  process.exit(1)
}

process.on('SIGINT', () => void stop(0))
process.on('SIGTERM', () => void stop(0))
process.on('SIGHUP', () => void stop(0))

const settings = Object.entries(process.env).filter(
  ([name]) => name.startsWith('RABBLE_') || name.startsWith('LOG_'),
)
try {
  cluster = await startCluster(context, {
    gateways: number('GATEWAYS', 2),
    port: number('PORT', 8080),
    host: process.env.HOST || '127.0.0.1',
    folder,
    restart: true,
    raiseAddressLimits: false,
    env: { LOG_LEVEL: 'info', ...Object.fromEntries(settings.map(([name, value]) => [name, value ?? ''])) },
    onChange: (name, state) => stopping || say(`  ${name} ${state}`),
    onWait: (name, reason) => stopping || say(`  ${name} is not ready: ${reason}`),
  })
  const shown = relative(process.cwd(), folder) || '.'
  say(`\nRabble is at ${cluster.url} (Ctrl-C stops it)`)
  say(
    `Programs reach its queue by RABBLE_AMQP_URL=$(cat ${shown}/amqp-url), and \`make logs\` follows the logs.\n`,
  )
} catch (error) {
  if (!stopping) {
    process.stderr.write(`The cluster can't start:\n  ${(error as Error).message.replaceAll('\n', '\n  ')}\n`)
    await stop(1)
  }
}
