import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { until } from './until.ts'

/** What a test may want of a running broker beyond ill-treating its process. */
export interface RabbitMqControl {
  /**
   * Raises or clears the memory alarm: connections that publish are blocked (`connection.blocked`), those that only
   * consume are not. A restart clears it, too.
   */
  shortOfMemory(short: boolean): Promise<void>
  /**
   * Resolves once the first stream of a new broker would survive `kill -9`; give up after `timeout` ms (60,000).
   * RabbitMQ keeps in memory, for 0.5 to 1.5 s after it confirmed the declaration, that it has streams at all: one
   * that is killed within that time starts with a stream that stays without a leader for good (404).
   */
  streamsSettled(timeout?: number): Promise<void>
  /** Has an Erlang expression evaluated that gives `ok`, as `rabbitmqctl eval` does. */
  evaluate(expression: string): Promise<void>
  /** Makes a virtual host, in which user `rabble` may do everything. */
  addVirtualHost(name: string): Promise<void>
  /** Removes a virtual host with all that is in it; its connections are closed. */
  deleteVirtualHost(name: string): Promise<void>
}

/** Where a broker's node is: its folder, which holds the cookie, and the port at which other nodes find it. */
export interface RabbitMqNode {
  home: string
  distributionPort: number
}

export function controlRabbitMq(node: RabbitMqNode): RabbitMqControl {
  const { home, distributionPort } = node
  // rabbitmqctl would do, but takes 1.5 s for each call and starts an epmd that outlives it.
  async function evaluate(expression: string): Promise<void> {
    const cookie = readFileSync(join(home, '.erlang.cookie'), 'utf8')
    // A broker takes no second node of one name, and the name that it has otherwise is the same for many.
    const name = `test_${randomBytes(8).toString('hex')}`
    const args = ['-address', `127.0.0.1:${distributionPort}`, '-h', name, '-c', cookie, '-e']
    const calling = promisify(execFile)(erlCall(), args, { env: { HOME: home }, timeout: 120_000 })
    // If it ends before it has read this, its exit code tells.
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
    deleteVirtualHost: (name) => evaluate(`rabbit_vhost:delete(<<"${name}">>, <<"rabble">>), ok`),
    async streamsSettled(timeout = 60_000) {
      await until(() => knowsStreams(home), timeout, 'the broker to write down that it has streams')
      writeFileSync(join(home, settled), '')
    },
  }
}

/** The file that says that a broker's data are good for another start. */
const settled = 'settled'

/**
 * Deletes the data of a broker that was killed during its very first start, before its streams had settled: such a broker may
 * never have streams again. Nobody could use it yet, so nothing is lost.
 */
export function beginAnewUnlessSettled(home: string): void {
  if (existsSync(join(home, settled)) || knowsStreams(home)) return
  rmSync(join(home, 'data'), { recursive: true, force: true })
}

/** Whether a broker has written down that it has streams. */
function knowsStreams(home: string): boolean {
  const directory = join(home, 'data', 'rabbit@localhost', 'coordination', 'rabbit@localhost', 'names.dets')
  return existsSync(directory) && readFileSync(directory, 'latin1').includes('rabbit_stream_coordinator')
}

/** It comes with Erlang, beside the emulator. */
function erlCall(): string {
  const root = dirname(dirname(realpathSync('/usr/bin/erl')))
  const erts = readdirSync(root).find((name) => name.startsWith('erts-'))
  if (!erts) throw new Error(`found no Erlang in ${root}`)
  return join(root, erts, 'bin', 'erl_call')
}
