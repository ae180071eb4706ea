import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort } from './free-port.ts'
import { type ManagedProcess, startProcess } from './managed-process.ts'
import { privateFolder, type SystemUser } from './private-folder.ts'
import type { TestContext } from './test-context.ts'

export interface PostgresOptions {
  /** Server settings that extend or replace those of the harness, such as `{ max_connections: '20' }`. */
  settings?: Readonly<Record<string, string>>
  /** Folder of its data, which the server's user must be able to enter. Default: one that is removed at teardown. */
  folder?: string
}

export interface Postgres extends ManagedProcess, Databases {
  /** Address of the database `postgres`, for a superuser. */
  readonly url: string
  readonly port: number
}

/** Databases of one server. */
export interface Databases {
  /**
   * Creates a database and returns its address. It is empty, or a copy of `template`, the address of a database of the same
   * server that has no connections.
   */
  createDatabase(template?: string): Promise<string>
  /**
   * Returns the address of a template that `fill` has filled: once, however many processes ask for this name. It stays for as long as
   * the server.
   */
  templateOf(name: string, fill: (address: string) => Promise<void>): Promise<string>
  /** Drops a database, even if it has connections. */
  dropDatabase(address: string): Promise<void>
}

/** Settings for a small and fast server that only this machine can reach. */
const ownSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // The files of `mmap` are removed with the data folder. Those of `posix` would stay in /dev/shm after a kill.
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '32MB',
  max_wal_senders: '0',
  wal_level: 'minimal',
  jit: 'off',
  // The kernel keeps the writes of a killed process. Only a crash of the machine would lose them, which no test covers.
  fsync: 'off',
}

/** Starts a PostgreSQL server with a data folder of its own. As root it runs as user postgres, since the server refuses root. */
export async function startPostgres(t: TestContext, options: PostgresOptions = {}): Promise<Postgres> {
  const bin = postgresBin()
  const user = serverUser()
  const port = await freePort()
  const folder = options.folder ?? privateFolder(t, 'postgres', user)
  if (user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const password = await initialised(join(bin, 'initdb'), data, user)

  const url = `postgres://postgres:${password}@127.0.0.1:${port}`
  const settings = { ...ownSettings, ...options.settings, port: String(port) }
  const server = await startProcess(t, {
    name: 'postgres',
    command: join(bin, 'postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: { LC_ALL: 'C.UTF-8' },
    user,
    // SIGINT is "fast shutdown". SIGTERM would wait for all clients to disconnect.
    stopSignal: 'SIGINT',
    isReady: () => query(`${url}/postgres`, 'SELECT 1').then(() => true),
  })

  return Object.assign(server, databasesOf(`${url}/postgres`), { url: `${url}/postgres`, port })
}

/**
 * Checks that PostgreSQL's user can enter a folder.
 * @throws Error that names the parent folder that the user can't enter
 */
export function checkWay(folder: string): void {
  const user = serverUser()
  if (user === undefined) return
  const canEnter = (path: string) => spawnSync('test', ['-x', path], { cwd: '/', ...user }).status === 0
  let closed: string | undefined
  for (let path = folder; !canEnter(path); path = dirname(path)) closed = path
  if (closed !== undefined) {
    throw new Error(
      `PostgreSQL runs as user postgres, which can't enter ${closed}: set DATA_DIR to a folder that every user can get to, such as /var/lib/rabble`,
    )
  }
}

/** Returns user postgres if this process runs as root, which the server refuses. */
function serverUser(): SystemUser | undefined {
  return process.getuid?.() === 0 ? systemUser('postgres') : undefined
}

/** @param server address of any of its databases, for a superuser */
export function databasesOf(server: string): Databases {
  const nameIn = (address: string) => new URL(address).pathname.slice(1)
  return {
    async createDatabase(template) {
      const name = `test_${randomBytes(8).toString('hex')}`
      const source = template === undefined ? '' : ` TEMPLATE ${nameIn(template)}`
      await withClient(server, async (client) => {
        // Copying files takes a third of the CPU time of writing them to the log. Servers before 15 know no other way.
        const strategy = (await versionOf(client)) >= 15 ? ' STRATEGY FILE_COPY' : ''
        await client.query(`CREATE DATABASE ${name}${source}${strategy}`)
      })
      return new URL(`/${name}`, server).href
    },
    async templateOf(name, fill) {
      const [template, draft] = [`template_${name}`, `draft_${name}`]
      await withClient(server, async (client) => {
        // The lock ends with the connection.
        await client.query('SELECT pg_advisory_lock(hashtext($1))', [template])
        const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template])
        if (rowCount !== 0) return
        await client.query(`DROP DATABASE IF EXISTS ${draft}`)
        await client.query(`CREATE DATABASE ${draft}`)
        await fill(new URL(`/${draft}`, server).href)
        await client.query(`ALTER DATABASE ${draft} RENAME TO ${template}`)
      })
      return new URL(`/${template}`, server).href
    },
    dropDatabase: (address) => query(server, `DROP DATABASE IF EXISTS ${nameIn(address)} WITH (FORCE)`),
  }
}

/**
 * Initialises the data folder if it is missing, and returns the password. Takes 0.4 s. A template shared by test files would
 * save that time, but its folder would outlive them.
 */
async function initialised(initdb: string, data: string, user?: SystemUser): Promise<string> {
  const passwordFile = `${data}.password`
  if (existsSync(join(data, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8')
  // Renamed when complete: PostgreSQL can't start from a data folder whose initdb was killed halfway.
  const draft = `${data}.new`
  rmSync(draft, { recursive: true, force: true })
  const password = randomBytes(12).toString('hex')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user) chownSync(passwordFile, user.uid, user.gid)
  const args = ['-D', draft, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  args.push('--encoding=UTF8', '--locale=C.UTF-8', '--wal-segsize=1', '--no-sync', '--no-instructions')
  await promisify(execFile)(initdb, args, { cwd: '/', env: { PATH: process.env.PATH }, ...user })
  renameSync(draft, data)
  return password
}

function query(url: string, sql: string): Promise<void> {
  return withClient(url, async (client) => {
    await client.query(sql)
  })
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 30_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end()
  }
}

/** Returns the major version of the server. */
async function versionOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num')
  return Math.floor(Number(rows[0]?.server_version_num) / 10_000)
}

/** Returns the folder of Debian's newest version, which is not in PATH, or else of the one in PATH. */
function postgresBin(): string {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ]
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')))
  if (!found) throw new Error(`found no PostgreSQL server: run test/setup`)
  return found
}

function systemUser(name: string): SystemUser {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  if (!line) throw new Error(`there is no user ${name} to run PostgreSQL as: run test/setup`)
  const [, , uid, gid] = line.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}
