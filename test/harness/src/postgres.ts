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
  /** Server settings beyond, or instead of, the harness's own, such as `{ max_connections: '20' }`. */
  settings?: Readonly<Record<string, string>>
  /** Where its data stays, which its user must be able to reach; a folder that goes at teardown unless told. */
  folder?: string
}

export interface Postgres extends ManagedProcess, Databases {
  /** A superuser's address of the database `postgres`. */
  readonly url: string
  readonly port: number
}

/** Databases of one server. */
export interface Databases {
  /**
   * Makes a database and returns its address: an empty one, or a copy of `template`, the address of a database of the same
   * server to which nobody is connected.
   */
  createDatabase(template?: string): Promise<string>
  /** Drops a database, whoever is connected to it. */
  dropDatabase(address: string): Promise<void>
}

/** What makes a cluster small, alone and quick. */
const ownSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Its files are in the data folder and go with it; those of `posix` would stay in /dev/shm after a kill.
  dynamic_shared_memory_type: 'mmap',
  shared_buffers: '32MB',
  max_wal_senders: '0',
  wal_level: 'minimal',
  jit: 'off',
  // The kernel keeps what a killed process wrote; only the crash of the machine would lose it, which no test is about.
  fsync: 'off',
}

/** A PostgreSQL cluster of its own. As root it runs as user postgres, since the server refuses root. */
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
    // "Fast shutdown": SIGTERM would wait for every client to leave.
    stopSignal: 'SIGINT',
    isReady: () => query(`${url}/postgres`, 'SELECT 1').then(() => true),
  })

  return Object.assign(server, databasesOf(`${url}/postgres`), { url: `${url}/postgres`, port })
}

/**
 * Checks that PostgreSQL's user can get through to a folder.
 * @throws Error that names the folder on the way that stops it
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

/** The server refuses root. */
function serverUser(): SystemUser | undefined {
  return process.getuid?.() === 0 ? systemUser('postgres') : undefined
}

/** @param server a superuser's address of any of its databases */
export function databasesOf(server: string): Databases {
  const nameIn = (address: string) => new URL(address).pathname.slice(1)
  return {
    async createDatabase(template) {
      const name = `test_${randomBytes(8).toString('hex')}`
      const source = template === undefined ? '' : ` TEMPLATE ${nameIn(template)}`
      await query(server, `CREATE DATABASE ${name}${source}`)
      return new URL(`/${name}`, server).href
    },
    dropDatabase: (address) => query(server, `DROP DATABASE IF EXISTS ${nameIn(address)} WITH (FORCE)`),
  }
}

/**
 * Makes the cluster unless it is there, and returns its password. 0.4 s, which a template kept between test files would
 * save, at the price of a folder that outlives them.
 */
async function initialised(initdb: string, data: string, user?: SystemUser): Promise<string> {
  const passwordFile = `${data}.password`
  if (existsSync(join(data, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8')
  // In another folder first: of one that was killed in the middle of it PostgreSQL can make nothing.
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

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 30_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Debian's newest version, which is not in PATH, or whatever is in PATH. */
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
