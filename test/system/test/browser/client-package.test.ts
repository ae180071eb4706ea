import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { assertNothingLeft, dataFolder, freePort, privateFolder, startService } from '@rabble/harness'
import { build as buildWithEsbuild, stop as stopEsbuild } from 'esbuild'
import t from 'tap'
import { build as buildWithVite } from 'vite'
import webpack from 'webpack'
import { launchBrowser, openPage } from '../browser.ts'
import { servePages } from '../page-server.ts'
import { repository } from '../repository.ts'

assertNothingLeft(t)

// Outside the clone, so that nothing of the workspace is found from there.
const folder = privateFolder(t, 'client-package')
const projects = join(folder, 'projects')
const port = await freePort()
const url = `http://127.0.0.1:${port}`

/** Runs a program. Returns its output; an error has it, too. */
async function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: folder, RABBLE_URL: url, npm_config_update_notifier: 'false' }
  try {
    return (await promisify(execFile)(program, args, { cwd, env, timeout: 500_000 })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`)
  }
}

const node = (cwd: string, ...args: string[]) => run(cwd, process.execPath, ...args)
const compile = (cwd: string) => node(cwd, join(repository, 'node_modules/typescript/bin/tsc'))

// As `make package` does it, but into a folder of this test.
await node(repository, 'packages/client/dist/packaging/main.js', join(folder, 'package'))
const tarball = (await run(folder, 'npm', 'pack', '--silent', './package')).trim()

/** Creates a project with these files, and installs the tarball in it without a network. */
async function createProject(name: string, files: Record<string, string>): Promise<string> {
  const project = join(projects, name)
  mkdirSync(project, { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text)
  const quiet = ['--offline', '--no-audit', '--no-fund', '--loglevel=error']
  await run(project, 'npm', 'install', ...quiet, join(folder, tarball))
  return project
}

/** Compiler options for a strict project that checks the declarations of its packages, too. */
const tsconfig = (options: object) =>
  JSON.stringify({
    compilerOptions: { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, ...options },
  })

const own = JSON.parse(readFileSync(join(repository, 'packages/client/package.json'), 'utf8'))
/** Names by which programs import it, such as `@rabble/client`. */
const entries = Object.keys(own.exports).map((key) => `@rabble/client${key.slice(1)}`)

/**
 * Types that the compiler infers, and has to name in declarations of the program, and uses that it must refuse: with types that fall
 * back to `any` it would not.
 */
const uses = `
export const inferred = (name: string) => {
  const room = connect({ name }).room('general')
  return { room, messages: room.messages, page: room.history() }
}
export function wrong(message: Message) {
  // @ts-expect-error: a text is a string
  void connect({ name: 'Ada' }).room('general').send(1)
  // @ts-expect-error: the field has a type
  message.from.name = 1
  // @ts-expect-error: there is no such code
  return new ChatError('no-such-code', message.text)
}`

/** Program that says something in a room, and waits until it hears it: over a part that is loaded later. */
const program = (name: string) => `
import { ChatError, connect, type Message } from '@rabble/client'
async function main() {
  const chat = connect({ url: process.env['RABBLE_URL'] ?? '', name: '${name}', transports: ['sse'] })
  const room = chat.room('${name}')
  const heard = new Promise<Message>((resolve) => room.on('message', ({ message }) => resolve(message)))
  await room.join()
  await room.send('hello')
  console.log((await heard).from.name + ': ' + (await heard).text)
  chat.close()
}
main().catch((error) => {
  console.error(error instanceof ChatError, error)
  process.exit(1)
})${uses}`

/** Program of a page: Ada speaks over a WebSocket, and Bob hears it over long polling, a part that is loaded later. */
const pageProgram = (kind: string) => `
async function main() {
  const bob = connect({ url: '${url}', name: 'Bob ${kind}', transports: ['polling'] }).room('${kind}')
  bob.on('message', ({ message }) => document.body.append(message.from.name + ': ' + message.text))
  await bob.join()
  const ada = connect({ url: '${url}', name: 'Ada ${kind}', transports: ['websocket'] }).room('${kind}')
  await ada.join()
  await ada.send('hello')
}
void main()`

/** Builds `main.js` of a project for production. An error or a warning of webpack rejects it. */
function buildWithWebpack(project: string): Promise<void> {
  const options: webpack.Configuration = {
    context: project,
    entry: './main.js',
    mode: 'production',
    output: { path: join(project, 'dist') },
  }
  return new Promise((resolve, reject) => {
    webpack(options, (error, stats) => {
      if (stats?.hasErrors() === false && !stats.hasWarnings()) resolve()
      else reject(error ?? new Error(stats?.toString('errors-warnings')))
    })
  })
}

const [nodeProject, viteProject, webpackProject] = await Promise.all([
  createProject('node', {
    'package.json': '{ "private": true }',
    'esm.mts': program('esm'),
    'cjs.cts': program('cjs'),
    'every.mts': entries.map((entry, index) => `export * as entry${index} from '${entry}'\n`).join(''),
    'every.cts': entries.map((entry, index) => `export * as entry${index} from '${entry}'\n`).join(''),
    'old.cjs': entries.map((entry) => `console.log(Object.keys(require('${entry}')).length > 0)\n`).join(''),
    'tsconfig.json': tsconfig({
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023'],
      types: ['node'],
      declaration: true,
    }),
  }),
  createProject('vite', {
    'package.json': '{ "private": true, "type": "module" }',
    'index.html':
      '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/main.ts"></script>',
    'main.ts': `import { ChatError, connect, type Message } from '@rabble/client'\n${pageProgram('vite')}${uses}`,
    'tsconfig.json': tsconfig({
      module: 'esnext',
      moduleResolution: 'bundler',
      target: 'es2022',
      lib: ['es2022', 'dom'],
      noEmit: true,
    }),
  }),
  createProject('webpack', {
    'package.json': '{ "private": true }',
    'main.js': `import { connect } from '@rabble/client'\n${pageProgram('webpack')}`,
  }),
])
const installed = join(nodeProject, 'node_modules/@rabble/client')

t.test('the tarball has all that a package needs, and its declarations name no other package', async (t) => {
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  t.match(manifest, { name: '@rabble/client', version, license: 'MIT', sideEffects: false })
  t.match(manifest.publishConfig, { access: 'public', provenance: true })
  t.strictSame([manifest.private, manifest.dependencies], [undefined, undefined])
  t.same(Object.keys(manifest.exports), [...Object.keys(own.exports), './package.json'])
  t.same(readdirSync(installed).sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json'])
  const files = readdirSync(join(installed, 'dist'))
  for (const file of files.filter((file) => /\.d\.c?ts$/.test(file))) {
    const text = readFileSync(join(installed, 'dist', file), 'utf8')
    t.same(text.match(/(?<=(?:from|import\()\s*['"])[^.'"][^'"]*/g), null, file)
  }
  const types = files
    .filter((file) => file.endsWith('.d.ts'))
    .map((file) => readFileSync(join(installed, 'dist', file)))
  t.match(Buffer.concat(types).toString(), '/** Id that the sender gave the message. */')
  const script = gzipSync(readFileSync(join(installed, 'dist/rabble.min.js')), { level: 9 })
  t.ok(script.length < 16 * 1024, `${script.length} bytes of script with all entries and transports, gzipped`)
})

t.test('a bundler leaves out what a program does not import', async (t) => {
  // It works in a process of its own.
  t.teardown(stopEsbuild)
  const { outputFiles } = await buildWithEsbuild({
    stdin: { contents: `export { ChatError } from '@rabble/client'`, resolveDir: nodeProject },
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  })
  const { length } = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 })
  t.ok(length < 600, `${length} bytes for the class of errors`)
})

t.test('the folder of the workspace is not packed by mistake', async (t) => {
  await t.rejects(run(join(repository, 'packages/client'), 'npm', 'pack', '--dry-run'), /after make package/)
})

t.test('strict projects compile with it: ECMAScript modules, CommonJS and for bundlers', async () => {
  const types = join(nodeProject, 'node_modules/@types')
  mkdirSync(types)
  symlinkSync(join(repository, 'node_modules/@types/node'), join(types, 'node'))
  await Promise.all([compile(nodeProject), compile(viteProject)])
})

const pages = await servePages(
  t,
  {
    '/webpack/': '<!doctype html><link rel="icon" href="data:,"><body><script src="dist/main.js"></script>',
    '/script/': `<!doctype html><link rel="icon" href="data:,"><body><script src="../node/node_modules/@rabble/client/dist/rabble.min.js"></script>
<script>const { connect } = Rabble${pageProgram('script')}</script>`,
  },
  projects,
)
const site = `http://localhost:${pages}`
await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  PORT: String(port),
  RABBLE_ALLOWED_ORIGINS: site,
  LOG_LEVEL: 'warn',
})

t.test('Node.js runs it as an ECMAScript module and with require, and finds every entry', async (t) => {
  const outputs = ['esm.mjs', 'cjs.cjs', 'every.mjs', 'old.cjs'].map((file) => node(nodeProject, file))
  t.same(await Promise.all(outputs), ['esm: hello\n', 'cjs: hello\n', '', 'true\n'.repeat(entries.length)])
})

t.test('pages of another origin chat by it: built with Vite, with webpack, and with a script', async (t) => {
  await buildWithVite({ root: viteProject, base: './', configFile: false, logLevel: 'error' })
  await buildWithWebpack(webpackProject)
  const browser = await launchBrowser(t)
  for (const [kind, path] of [
    ['vite', 'vite/dist/index.html'],
    ['webpack', 'webpack/'],
    ['script', 'script/'],
  ]) {
    const { page, problems } = await openPage(t, browser, `${site}/${path}`)
    await page.getByText(`Ada ${kind}: hello`).waitFor()
    t.same(problems, [])
  }
})
