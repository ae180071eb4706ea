import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  freePort,
  type ManagedProcess,
  noRateLimits,
  privateFolder,
  startCluster,
  startProcess,
  startService,
  type TestContext,
} from '@rabble/harness'
import { postgresDefaults } from '../postgres.ts'
import type { ProtocolName } from './protocols.ts'

/** A chat server of one or several processes that runs. */
export interface System {
  readonly protocol: ProtocolName
  /** Ports for clients, which take turns. */
  readonly ports: readonly number[]
  readonly processes: readonly ManagedProcess[]
}

export interface SystemKind {
  /** Whether messages are stored, acknowledged and in one order for all. */
  readonly keepsPromises: boolean
  /** Program that it needs, besides npm packages, and the Debian package with it. */
  readonly needs?: { program: string; package: string }
  /** `env` is for the services of Rabble. */
  start(t: TestContext, env?: Readonly<Record<string, string>>): Promise<System>
}

/** Systems that can be compared, by name. */
export const systems: Readonly<Record<string, SystemKind>> = {
  rabble: { keepsPromises: true, start: (t, env) => startRabble(t, { gateways: 1, nginx: false, env }) },
  'rabble-2': { keepsPromises: true, start: (t, env) => startRabble(t, { gateways: 2, nginx: false, env }) },
  'rabble-nginx': {
    keepsPromises: true,
    start: (t, env) => startRabble(t, { gateways: 2, nginx: true, env }),
  },
  socketio: { keepsPromises: false, start: (t) => startSocketIo(t, 1) },
  'socketio-2': {
    keepsPromises: false,
    needs: { program: '/usr/bin/redis-server', package: 'redis-server' },
    start: (t) => startSocketIo(t, 2),
  },
  nats: { ...natsKind(1) },
  'nats-2': { ...natsKind(2) },
  websocket: { keepsPromises: false, start: startBareServer },
}

/** Returns what a system lacks on this machine, or undefined. */
export function lacking({ needs }: SystemKind): string | undefined {
  if (needs === undefined || existsSync(needs.program)) return undefined
  return `no ${needs.program}: install ${needs.package}`
}

/** A WebSocket server that stores, acknowledges and checks nothing. */
export async function startBareServer(t: TestContext): Promise<System> {
  const server = await startScript(t, 'websocket-server')
  return { protocol: 'websocket', ports: [server.port], processes: [server] }
}

/** All of Rabble: RabbitMQ, history on PostgreSQL, and rooms. */
export async function startRabble(
  t: TestContext,
  {
    gateways: count,
    nginx,
    env,
  }: { gateways: number; nginx: boolean; env?: Readonly<Record<string, string>> },
): Promise<System> {
  const cluster = await startCluster(t, {
    gateways: count,
    nginx,
    ownServers: true,
    postgresSettings: { ...postgresDefaults, fsync: 'on' },
    env: { ...noRateLimits, ...env },
  })
  const { gateways, histories, rooms, rabbitmq, postgres } = cluster
  return {
    protocol: 'rabble',
    ports: nginx ? [Number(new URL(cluster.url).port)] : gateways.map(({ port }) => port),
    processes: [...gateways, ...histories, ...rooms, rabbitmq, postgres, ...(nginx ? [cluster.nginx] : [])],
  }
}

async function startSocketIo(t: TestContext, count: number): Promise<System> {
  const redis = count > 1 ? await startRedis(t) : undefined
  const env: Record<string, string> = redis === undefined ? {} : { REDIS_URL: redis.url }
  const servers = await Promise.all(
    Array.from({ length: count }, () => startScript(t, 'socketio-server', env)),
  )
  return {
    protocol: 'socketio',
    ports: servers.map(({ port }) => port),
    processes: [...servers, ...(redis === undefined ? [] : [redis.process])],
  }
}

async function startRedis(t: TestContext): Promise<{ process: ManagedProcess; url: string }> {
  const port = await freePort()
  const process = await startProcess(t, {
    name: 'redis',
    command: '/usr/bin/redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', privateFolder(t, 'redis')],
    env: {},
    isReady: () => listens(port),
  })
  return { process, url: `redis://127.0.0.1:${port}` }
}

function natsKind(count: number): SystemKind {
  return {
    keepsPromises: false,
    needs: { program: '/usr/sbin/nats-server', package: 'nats-server' },
    start: (t) => startNats(t, count),
  }
}

async function startNats(t: TestContext, count: number): Promise<System> {
  const folder = privateFolder(t, 'nats')
  const nodes = await Promise.all(
    Array.from({ length: count }, async () => ({
      port: await freePort(),
      web: await freePort(),
      route: await freePort(),
    })),
  )
  const [first] = nodes
  const processes = await Promise.all(
    nodes.map(({ port, web, route }, n) => {
      const config = join(folder, `nats-${n}.conf`)
      writeFileSync(
        config,
        [
          `listen: 127.0.0.1:${port}`,
          `websocket { listen: "127.0.0.1:${web}", no_tls: true, compression: false }`,
          // As large as the limits of the other systems.
          'max_pending: 64MB',
          ...(count > 1
            ? [
                `cluster { name: bench, listen: "127.0.0.1:${route}", routes: ["nats://127.0.0.1:${first?.route}"] }`,
              ]
            : []),
        ].join('\n'),
      )
      return startProcess(t, {
        name: `nats-${n + 1}`,
        command: '/usr/sbin/nats-server',
        args: ['-c', config],
        env: {},
        isReady: () => listens(web),
      })
    }),
  )
  return { protocol: 'nats', ports: nodes.map(({ web }) => web), processes }
}

/** Starts a server that is a file of this folder. */
function startScript(t: TestContext, name: string, env: Record<string, string> = {}) {
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url))
  return startService(t, name, { NODE_ENV: 'production', ...env }, { script, wait: 'live' })
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
