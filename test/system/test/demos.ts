import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, privateFolder, startProcess, type TestContext } from '@rabble/harness'
import { servePages } from './page-server.ts'
import { renderRazor } from './razor.ts'
import { repository } from './repository.ts'

/** Folder with the demos that CONTRIBUTING.md lists, each in the folder that `git clone` makes. */
const folder = process.env.CHAT_DEMOS ?? ''

const angular = join(
  folder,
  'signalr-backplane-demo/signalr-backplane-demo-client/dist/signalr-client/browser',
)
const rooms = join(folder, 'dot-talk/Dotcli')
const swarm = join(folder, 'chat_signalr_scale_out/signalr_scale_out')
const socketIo = join(folder, 'chat-scaling')

/** Script of an early client of Socket.IO, which comes with a demo. */
export const oldScript = join(socketIo, 'public/socket.io/socket.io.js')

/** Reason why the pages can't be served; false if they can. */
export const demosMissing: string | false =
  folder === ''
    ? 'CHAT_DEMOS names no folder'
    : ([angular, rooms, swarm, join(socketIo, 'public/bower_components')]
        .filter((path) => !existsSync(path))
        .map((path) => `there is no ${path}`)[0] ?? false)

/**
 * Serves the pages of the demos, as they are. Returns the addresses of what their browsers look for: each page and its server at the
 * ports that the demo has for them. `gateways` has the ports of two gateways.
 */
export async function serveDemos(
  t: TestContext,
  [first, second]: readonly [number, number],
): Promise<Record<string, string>> {
  const ports = {
    4200: await servePages(t, { '/': readFileSync(join(angular, 'index.html'), 'utf8') }, angular),
    5001: first,
    5002: second,
    5000: await servePages(t, { '/': renderRazor(join(rooms, 'Pages')) }, join(rooms, 'wwwroot')),
    8080: first,
    44345: await inFront(
      t,
      first,
      await servePages(t, { '/': renderRazor(join(swarm, 'Pages')) }, join(swarm, 'wwwroot')),
    ),
    3000: await inFront(t, second, await startApp(t)),
  }
  const addresses = Object.entries(ports).map(([port, own]) => [`localhost:${port}`, `127.0.0.1:${own}`])
  return { ...Object.fromEntries(addresses), 'fonts.googleapis.com': '~NOTFOUND' }
}

/** Starts the server of a demo, which serves its page. Returns the port. */
async function startApp(t: TestContext): Promise<number> {
  const port = await freePort()
  await startProcess(t, {
    name: 'the app',
    command: process.execPath,
    args: ['app.js'],
    cwd: socketIo,
    env: { NODE_PORT: String(port) },
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/`)).ok,
  })
  return port
}

/** Starts Nginx with the configuration of docs/migration.md in front of a gateway and an app. Returns the port. */
async function inFront(t: TestContext, gateway: number, app: number): Promise<number> {
  const port = await freePort()
  const page = readFileSync(join(repository, 'docs/migration.md'), 'utf8')
  const servers = (/```nginx\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
    .replace('listen 3000;', `listen 127.0.0.1:${port};`)
    .replace('127.0.0.1:8080', `127.0.0.1:${gateway}`)
    .replace('127.0.0.1:3001', `127.0.0.1:${app}`)
  const own = privateFolder(t, 'nginx')
  // As root, its workers run as another user.
  chmodSync(own, 0o711)
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (one) => `${one}_temp_path ${own}/${one};`,
  )
  const conf = join(own, 'nginx.conf')
  writeFileSync(
    conf,
    `pid ${own}/pid;\nevents {}\nhttp {\naccess_log off;\n${paths.join('\n')}\n${servers}\n}\n`,
  )
  await startProcess(t, {
    name: 'nginx',
    command: '/usr/sbin/nginx',
    args: ['-c', conf, '-p', own, '-e', 'stderr', '-g', 'daemon off;'],
    env: {},
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/`)).ok,
  })
  return port
}
