import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { listens } from './leftovers.ts'
import { type ManagedProcess, startProcess } from './managed-process.ts'
import { privateFolder } from './private-folder.ts'
import type { TestContext } from './test-context.ts'

/** From test/harness/dist/src. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

export interface NginxOptions {
  /** Ports on 127.0.0.1 of what is behind it. */
  gateways: readonly number[]
  histories: readonly number[]
  rooms: readonly number[]
  /** `127.0.0.1` unless told. */
  host?: string
  port?: number
  /** Where its configuration and logs stay; a folder that goes at teardown unless told. */
  folder?: string
  /** More variables for nginx/render. */
  env?: Readonly<Record<string, string>>
}

export interface Nginx extends ManagedProcess {
  readonly port: number
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
  /** The file with its access log. */
  readonly accessLog: string
}

/** The machine's Nginx with the project's configuration. */
export async function startNginx(t: TestContext, options: NginxOptions): Promise<Nginx> {
  const port = options.port ?? (await freePort())
  const host = options.host ?? '127.0.0.1'
  const folder = options.folder ?? privateFolder(t, 'nginx')
  const conf = join(folder, 'nginx.conf')
  const accessLog = join(folder, 'access.log')
  mkdirSync(folder, { recursive: true })
  await promisify(execFile)(join(repository, 'nginx/render'), [conf], {
    env: {
      PATH: `${process.env.PATH}:/usr/sbin`,
      GATEWAYS: addresses(options.gateways),
      HISTORY: addresses(options.histories),
      ROOMS: addresses(options.rooms),
      RESOLVER: '',
      PORT: `${host}:${port}`,
      STATUS_LISTEN: `127.0.0.1:${await freePort()}`,
      WEB_DIR: join(repository, 'web/dist/site'),
      RUN_DIR: join(folder, 'run'),
      ACCESS_LOG: accessLog,
      ...options.env,
    },
  })
  // As root its workers would be another user, who can't read a clone in root's home.
  const user = process.getuid?.() === 0 ? ' user root;' : ''
  const nginx = await startProcess(t, {
    name: 'nginx',
    command: '/usr/sbin/nginx',
    args: ['-c', conf, '-p', folder, '-e', 'stderr', '-g', `daemon off;${user}`],
    env: {},
    isReady: () => listens(port),
  })
  return Object.assign(nginx, { port, url: `http://127.0.0.1:${port}`, accessLog })
}

function addresses(ports: readonly number[]): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(' ')
}
