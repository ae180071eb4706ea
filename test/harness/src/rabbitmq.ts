import { mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { freePort } from './free-port.ts'
import { type ManagedProcess, startProcess } from './managed-process.ts'
import { privateFolder } from './private-folder.ts'
import {
  beginAnewUnlessSettled,
  controlRabbitMq,
  type RabbitMqControl,
  type RabbitMqNode,
} from './rabbitmq-control.ts'
import { secretIn } from './secret.ts'
import type { TestContext } from './test-context.ts'

export interface RabbitMqOptions {
  /** Folder of rabbitmq-server. Default: Debian's. The script in /usr/sbin requires root or its own user. */
  bin?: string
  /** Terms of the `rabbit` application for advanced.config, such as `{heartbeat, 5}`. */
  settings?: readonly string[]
  /** Folder in which its data is kept, once `streamsSettled` has resolved. Default: one that is removed at teardown. */
  folder?: string
  /** Path of a rabbitmq.conf. Settings of the harness have precedence. Default: none. */
  conf?: string
  /** Level of the lines in `logs()`. Default: `warning`. */
  logLevel?: 'debug' | 'info' | 'warning' | 'error'
  /** Whether it exposes its metrics, which makes its start slower. Default: false. */
  metrics?: boolean
}

export interface RabbitMq extends ManagedProcess, RabbitMqControl {
  /** Address for amqplib: user `rabble` with a random password, virtual host `/`. */
  readonly url: string
  readonly port: number
  /** Port of `/metrics` on 127.0.0.1; undefined without `metrics`. */
  readonly metricsPort: number | undefined
  readonly node: RabbitMqNode
}

/** Starts a broker that shares nothing with other brokers on the machine. Nothing of it is left after teardown. */
export async function startRabbitMq(t: TestContext, options: RabbitMqOptions = {}): Promise<RabbitMq> {
  const server = realpathSync(join(options.bin ?? '/usr/lib/rabbitmq/bin', 'rabbitmq-server'))
  const [port, distributionPort] = [await freePort(), await freePort()]
  const folder = options.folder ?? privateFolder(t, 'rabbitmq')
  beginAnewUnlessSettled(folder)
  const metricsPort = options.metrics ? await freePort() : undefined
  const plugins = metricsPort === undefined ? [] : metricsPlugins
  const sbin = linkInstallation(dirname(dirname(server)), join(folder, 'rabbitmq'), plugins)
  writeFileSync(join(folder, 'enabled_plugins'), `[${plugins.slice(0, 1)}].`)
  const listener = `{tcp_listeners, [{"127.0.0.1", ${port}}]}`
  const password = secretIn(join(folder, 'password'))
  const user = `{default_user, <<"rabble">>}, {default_pass, <<"${password}">>}`
  const settings = [listener, user, ...(options.settings ?? [])].join(', ')
  const applications = [`{rabbit, [${settings}]}`]
  if (metricsPort !== undefined) {
    applications.push(`{rabbitmq_prometheus, [{tcp_config, [{ip, "127.0.0.1"}, {port, ${metricsPort}}]}]}`)
  }
  writeFileSync(join(folder, 'advanced.config'), `[${applications}].`, { mode: 0o600 })

  const broker = await startProcess(t, {
    name: 'rabbitmq',
    command: server,
    args: [],
    env: {
      // Erlang keeps the cookie there, with which nodes and tools authenticate to each other.
      HOME: folder,
      RABBITMQ_SCRIPTS_DIR: sbin,
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: options.conf ?? join(folder, 'none'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_LOG: options.logLevel ?? 'warning',
      RABBITMQ_NODENAME: 'rabbit@localhost',
      // Makes the start script exec Erlang, so that signals reach the broker.
      RABBITMQ_ALLOW_INPUT: '1',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArgs(distributionPort).join(' '),
    },
    isReady: () => answersAmqp(port),
  })
  const node = { home: folder, distributionPort }
  const control = controlRabbitMq(node)
  const url = `amqp://rabble:${password}@127.0.0.1:${port}`
  return Object.assign(broker, control, { url, port, metricsPort, node })
}

function erlangArgs(distributionPort: number): string[] {
  return [
    '-noinput',
    '+S 2:2',
    // A few microseconds of busy waiting save two sleeps and wake-ups of a thread at each file operation of the start,
    // 0.8 s in all. An idle broker takes 0.3 % of a core with it.
    '+sbwt very_short +sbwtdio very_short',
    // With a name from the start and a fixed port, no epmd is needed, which RabbitMQ would leave running. Two brokers may
    // then have the same name.
    `-sname rabbit@localhost -start_epmd false -erl_epmd_port ${distributionPort}`,
    `-kernel erl_epmd_node_listen_port ${distributionPort} -kernel inet_dist_use_interface {127,0,0,1}`,
  ]
}

/** The plugin that exposes metrics, and its dependencies. */
const metricsPlugins = ['rabbitmq_prometheus', 'rabbitmq_management_agent', 'rabbitmq_web_dispatch']

/**
 * Makes an installation of symbolic links with only these plugins. With all plugins, Erlang looks for each of its 800 modules
 * in each plugin's folder in turn, 50,000 times in all, and starts in 4.2 s rather than 2.4 s.
 */
function linkInstallation(installation: string, folder: string, plugins: readonly string[]): string {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'plugins'), { recursive: true })
  for (const name of readdirSync(join(installation, 'plugins'))) {
    // The name is like `rabbitmq_stream-3.10.8`, or has no version.
    const plugin = name.split('-', 1)[0] ?? name
    if (name.startsWith('rabbitmq_') && !['rabbitmq_prelaunch', ...plugins].includes(plugin)) continue
    symlinkSync(join(installation, 'plugins', name), join(folder, 'plugins', name))
  }
  symlinkSync(join(installation, 'sbin'), join(folder, 'sbin'))
  return join(folder, 'sbin')
}

/** Whether the broker answers the protocol header with Connection.Start. It listens only once it has started. */
function answersAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('AMQP\x00\x00\x09\x01'))
    const finish = (ready: boolean) => {
      socket.destroy()
      resolve(ready)
    }
    socket.setTimeout(10_000, () => finish(false))
    socket.on('data', (data) => finish(data[0] === 1))
    socket.on('error', () => finish(false))
    socket.on('end', () => finish(false))
  })
}
