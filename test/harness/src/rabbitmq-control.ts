import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { until } from './until.ts'

/** Operations on a running broker for tests. */
export interface RabbitMqControl {
  /**
   * Raises or clears the memory alarm, which blocks connections that publish (`connection.blocked`) but not those that only
   * consume. A restart also clears it.
   */
  shortOfMemory(short: boolean): Promise<void>
  /**
   * Resolves once the first stream of a new broker would survive `kill -9`. Rejects after `timeout` ms (default: 60,000).
   * For 0.5 to 1.5 s after it confirmed the declaration, RabbitMQ keeps only in memory that it has streams at all. If it is
   * killed within that time, its stream never has a leader again (404).
   */
  streamsSettled(timeout?: number): Promise<void>
  /** Evaluates an Erlang expression in the broker, as `rabbitmqctl eval` does. @throws Error if the result is not `ok` */
  evaluate(expression: string): Promise<void>
  /** Creates a virtual host in which user `rabble` has all permissions. */
  addVirtualHost(name: string): Promise<void>
  /** Creates a user with permissions for a virtual host: regular expressions for names of queues and exchanges. */
  addUser(name: string, password: string, permissions: UserPermissions): Promise<void>
  deleteUser(name: string): Promise<void>
  /** Removes a virtual host with its contents. Its connections are closed. */
  deleteVirtualHost(name: string): Promise<void>
}

/** Names that a user may configure, write to and read from, as regular expressions. */
export interface UserPermissions {
  virtualHost: string
  configure: string
  write: string
  read: string
}

/** A broker's node: its folder, which holds the cookie, and its port for other nodes. */
export interface RabbitMqNode {
  home: string
  distributionPort: number
}

export function controlRabbitMq(node: RabbitMqNode): RabbitMqControl {
  const { home, distributionPort } = node
  // rabbitmqctl would take 1.5 s for each call, and would start an epmd that outlives it.
  async function evaluate(expression: string): Promise<void> {
    const cookie = readFileSync(join(home, '.erlang.cookie'), 'utf8')
    // A random name: a broker refuses a second node of the same name, and the default name is the same for all callers.
    const name = `test_${randomBytes(8).toString('hex')}`
    const args = ['-address', `127.0.0.1:${distributionPort}`, '-h', name, '-c', cookie, '-e']
    const calling = promisify(execFile)(erlCall(), args, { env: { HOME: home }, timeout: 120_000 })
    // If the process ends before it has read its input, its exit code reports that.
    calling.child.stdin?.on('error', () => {})
    calling.child.stdin?.end(`${expression.replace(/\.$/, '')}.\n`)
    const { stdout } = await calling
    if (!/^\{ok, *ok\}/.test(stdout.trim()))
      throw new Error(`the broker answered ${expression} with ${stdout}`)
  }

  return {
    evaluate,
    shortOfMemory: (short) =>
      evaluate(`vm_memory_monitor:set_vm_memory_high_watermark(${short ? '0.000001' : '0.4'})`),
    addVirtualHost: (name) =>
      evaluate(
        `ok = rabbit_vhost:add(<<"${name}">>, <<"rabble">>), ` +
          `rabbit_auth_backend_internal:set_permissions(<<"rabble">>, <<"${name}">>, ` +
          '<<".*">>, <<".*">>, <<".*">>, <<"rabble">>)',
      ),
    addUser: (name, password, { virtualHost, configure, write, read }) =>
      evaluate(
        `ok = rabbit_auth_backend_internal:add_user(<<"${name}">>, <<"${password}">>, <<"rabble">>), ` +
          `rabbit_auth_backend_internal:set_permissions(<<"${name}">>, <<"${virtualHost}">>, ` +
          `<<"${configure}">>, <<"${write}">>, <<"${read}">>, <<"rabble">>)`,
      ),
    deleteUser: (name) => evaluate(`rabbit_auth_backend_internal:delete_user(<<"${name}">>, <<"rabble">>)`),
    deleteVirtualHost: (name) => evaluate(`rabbit_vhost:delete(<<"${name}">>, <<"rabble">>), ok`),
    async streamsSettled(timeout = 60_000) {
      await until(() => knowsStreams(home), timeout, 'the broker to write down that it has streams')
      writeFileSync(join(home, settled), '')
    },
  }
}

/** Name of the file that marks a broker's data as usable for another start. */
const settled = 'settled'

/**
 * Deletes the data of a broker that was killed during its very first start, before `streamsSettled`. Such a broker may never
 * have streams again. It has not been used yet, so nothing is lost.
 */
export function beginAnewUnlessSettled(home: string): void {
  if (existsSync(join(home, settled)) || knowsStreams(home)) return
  rmSync(join(home, 'data'), { recursive: true, force: true })
}

/** Whether a broker has written to disk that it has streams. */
function knowsStreams(home: string): boolean {
  const directory = join(home, 'data', 'rabbit@localhost', 'coordination', 'rabbit@localhost', 'names.dets')
  return existsSync(directory) && readFileSync(directory, 'latin1').includes('rabbit_stream_coordinator')
}

/** Returns the path of erl_call, which Erlang installs beside its emulator. */
function erlCall(): string {
  const root = dirname(dirname(realpathSync('/usr/bin/erl')))
  const erts = readdirSync(root).find((name) => name.startsWith('erts-'))
  if (!erts) throw new Error(`found no Erlang in ${root}`)
  return join(root, erts, 'bin', 'erl_call')
}
