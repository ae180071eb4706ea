import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { type ManagedProcess, startProcess } from './managed-process.ts'
import { privateFolder } from './private-folder.ts'
import type { TestContext } from './test-context.ts'

/** Path of the repository, seen from test/harness/dist/src. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

export interface NginxOptions {
  /** Ports of the services behind Nginx, on 127.0.0.1. */
  gateways: readonly number[]
  histories: readonly number[]
  rooms: readonly number[]
  /** Address on which Nginx listens. Default: `127.0.0.1` and a free port. */
  host?: string
  port?: number
  /** Folder of its configuration and logs. Default: one that is removed at teardown. */
  folder?: string
  /** More variables for nginx/render. */
  env?: Readonly<Record<string, string>>
}

export interface Nginx extends ManagedProcess {
  readonly port: number
  /** Address for clients, without a slash at the end. */
  readonly url: string
  /** Path of its access log. */
  readonly accessLog: string
}

/** Starts the machine's Nginx with the project's configuration. */
export async function startNginx(t: TestContext, options: NginxOptions): Promise<Nginx> {
  const [port, statusPort] = [options.port ?? (await freePort()), await freePort()]
  const host = bracketed(options.host ?? '127.0.0.1')
  const folder = options.folder ?? privateFolder(t, 'nginx')
  const conf = join(folder, 'nginx.conf')
  const accessLog = join(folder, 'access.log')
  mkdirSync(folder, { recursive: true })
  let site = join(repository, 'web/dist/site')
  if (process.getuid?.() === 0) {
    // As root, its workers run as another user, who can't read the page if the clone is in root's home: hence the copy.
    chmodSync(folder, 0o711)
    cpSync(site, join(folder, 'site'), { recursive: true })
    site = join(folder, 'site')
  }
  await promisify(execFile)(join(repository, 'nginx/render'), [conf], {
    env: {
      PATH: `${process.env.PATH}:/usr/sbin`,
      GATEWAYS: addresses(options.gateways),
      HISTORY: addresses(options.histories),
      ROOMS: addresses(options.rooms),
      RESOLVER: '',
      PORT: `${host}:${port}`,
      STATUS_LISTEN: `127.0.0.1:${statusPort}`,
      WEB_DIR: site,
      RUN_DIR: join(folder, 'run'),
      ACCESS_LOG: accessLog,
      ...options.env,
    },
  })
  const nginx = await startProcess(t, {
    name: 'nginx',
    command: '/usr/sbin/nginx',
    args: ['-c', conf, '-p', folder, '-e', 'stderr', '-g', 'daemon off;'],
    env: {},
    // The status port, not the one for clients: another process may listen on that one, on another address.
    isReady: async () => (await fetch(`http://127.0.0.1:${statusPort}/livez`)).ok,
  })
  return Object.assign(nginx, { port, url: `http://${reachable(host)}:${port}`, accessLog })
}

/** Returns an address as it is written in a URL. */
function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Returns a loopback address for a server that listens on all addresses. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host
}

function addresses(ports: readonly number[]): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(' ')
}
