import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import {
  assertNothingLeft,
  connectChat,
  descendants,
  privateFolder,
  type Service,
  startService,
  until,
} from '../../src/index.ts'
import { startProcess } from '../../src/managed-process.ts'
import { isRunning } from '../../src/process-tree.ts'

assertNothingLeft(t)

/** Path of the repository, seen from test/harness/dist/test/system. */
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))
const script = fileURLToPath(new URL('../../src/cluster-main.js', import.meta.url))

/** Starts `make cluster`. Default: on a free port. */
function start(t: Test, env: Record<string, string>): Promise<Service> {
  return startService(t, 'cluster', { GATEWAYS: '2', ...env }, { script, wait: 'nothing' })
}

/** Returns the command lines of all processes. */
function commandLines(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8')] : []
    } catch {
      return [] // It has ended meanwhile.
    }
  })
}

function environmentOf(pid = -1): string {
  return readFileSync(`/proc/${pid}/environ`, 'utf8')
}

/** Waits until the cluster has given up, and returns its output. */
async function refusal(cluster: Service): Promise<string> {
  await until(() => !cluster.running, 120_000, 'it to give up')
  t.equal(await cluster.stop(), 1)
  return cluster.logs()
}

const isRoot = process.getuid?.() === 0
t.test(
  'a folder that PostgreSQL’s own user can’t get to is refused by name',
  { skip: !isRoot },
  async (t) => {
    const closed = privateFolder(t, 'closed')
    const said = await refusal(await start(t, { DATA_DIR: join(closed, 'deep', 'down') }))
    t.match(said, `PostgreSQL runs as user postgres, which can't enter ${closed}: set DATA_DIR to`)
  },
)

t.test('make cluster says what runs, starts again what dies, and leaves nothing', async (t) => {
  const folder = privateFolder(t, 'cluster')
  // A first start that is killed before the cluster was used harms no later one.
  const killed = await start(t, { DATA_DIR: folder })
  const begun = join(folder, 'rabbitmq', 'data', 'rabbit@localhost-feature_flags')
  await until(() => existsSync(begun), 120_000, 'RabbitMQ to begin its first start')
  await killed.kill()
  // Its descendants outlive it for a moment.
  await until(() => !commandLines().some((line) => line.includes(folder)), 60_000, 'its processes to be gone')
  // PostgreSQL takes a zombie for a running process.
  const lock = join(folder, 'postgres', 'data', 'postmaster.pid')
  const holder = existsSync(lock) ? readFileSync(lock, 'utf8').split('\n')[0] : 'none'
  await until(() => !existsSync(`/proc/${holder}`), 60_000, 'its process to be forgotten')
  const list = join(folder, 'cluster.json')
  const read = () => {
    const { processes } = JSON.parse(readFileSync(list, 'utf8')) as {
      processes: { name: string; pid: number; port: number }[]
    }
    return new Map(processes.map(({ name, pid, port }) => [name, { pid, port }]))
  }
  const cluster = await start(t, { DATA_DIR: folder })
  await until(() => !cluster.running || /Rabble is at/.test(cluster.logs()), 180_000, 'the cluster')
  t.match(cluster.logs(), `Rabble is at http://127.0.0.1:${cluster.port} `)

  const first = read()
  const names = ['gateway-1', 'gateway-2', 'history-1', 'nginx', 'postgres', 'rabbitmq', 'rooms-1']
  t.same([...first.keys()].sort(), names)
  t.equal(first.get('nginx')?.port, cluster.port)
  const children = descendants(cluster.pid)
  for (const [name, { pid }] of first) t.ok(children.includes(pid), `${name} is one of its processes`)
  for (const name of ['gateway-1', 'rooms-1']) {
    t.notMatch(environmentOf(first.get(name)?.pid), /_PER_(MINUTE|HOUR)=/, `${name} has the default limits`)
  }

  t.match(readFileSync(join(folder, 'amqp-url'), 'utf8'), /^amqp:\/\/rabble:\w+@127\.0\.0\.1:\d+\n$/)
  t.equal(statSync(join(folder, 'amqp-url')).mode & 0o777, 0o600)
  t.same(
    readdirSync(join(folder, 'logs')).sort(),
    names.map((name) => `${name}.log`),
  )
  const follower = await startProcess(t, {
    name: 'make logs',
    command: 'make',
    args: ['--silent', 'logs', 'SERVICE=gateway-1'],
    env: { DATA_DIR: folder },
    cwd: repository,
    isReady: async () => true,
  })
  await until(() => follower.logs().includes('"gateway":"gateway-1-'), 60_000, 'the log of the gateway')
  t.notMatch(follower.logs(), /"gateway":"gateway-2-/)
  await follower.kill()

  await t.test('a second one gets neither its folder nor its port', async (t) => {
    t.match(await refusal(await start(t, { DATA_DIR: folder })), `${folder} is in use by process`)
    const elsewhere = { DATA_DIR: privateFolder(t, 'other'), PORT: String(cluster.port) }
    t.match(await refusal(await start(t, elsewhere)), `port ${cluster.port} of 127.0.0.1 is not available`)
    t.same(read(), first)
  })

  for (const name of ['gateway-1', 'nginx']) {
    const { pid = -1, port } = first.get(name) ?? {}
    process.kill(pid, 'SIGKILL')
    await until(() => (read().get(name)?.pid ?? pid) !== pid, 60_000, `a new ${name} in the list`)
    t.equal(read().get(name)?.port, port, 'where it was before')
  }
  const url = `http://127.0.0.1:${first.get('gateway-1')?.port}/readyz`
  await until(async () => (await fetch(url)).ok, 60_000, 'the new gateway to be ready')
  await until(async () => (await fetch(cluster.url)).ok, 60_000, 'the new Nginx')
  const ada = await connectChat(t, cluster.url, { name: 'Ada', timeout: 30_000 })
  await ada.join('general')
  t.ok(await ada.send('general', 'hello'))
  await ada.close()

  const all = [...descendants(cluster.pid), cluster.pid]
  process.kill(cluster.pid, 'SIGINT')
  await until(() => !all.some(isRunning), 120_000, 'everything to end')
  t.equal(await cluster.stop(), 0)
  t.notOk(existsSync(list))
  t.notOk(readdirSync(folder).includes('rabble.lock'))
})
