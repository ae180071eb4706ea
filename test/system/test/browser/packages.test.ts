import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { assertNothingLeft, dataFolder, freePort, inForm, startService } from '@rabble/harness'
import { build as buildWithEsbuild, stop as stopEsbuild } from 'esbuild'
import t from 'tap'
import type { Configuration } from 'webpack'
import { launchBrowser, openPage } from '../browser.ts'
import { htmlOf, pageProgram, program, reactProgram, serverProgram, uses } from '../package-programs.ts'
import { packageNames, preparePackages } from '../packages.ts'
import { servePages } from '../page-server.ts'
import { repository } from '../repository.ts'

assertNothingLeft(t)

const port = await freePort()
const url = `http://127.0.0.1:${port}`
const { client, react, projects, createProject, run, node, pack } = await preparePackages(t, {
  RABBLE_URL: url,
})
const compile = (cwd: string) => node(cwd, join(repository, 'node_modules/typescript/bin/tsc'))

/** Compiler options for a strict project that checks the declarations of its packages, too. */
const tsconfig = (options: object) =>
  JSON.stringify({
    compilerOptions: { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, ...options },
  })

const own = (name: string) =>
  JSON.parse(readFileSync(join(repository, 'packages', name, 'package.json'), 'utf8'))
/** Names by which programs import them, such as `@rabble/client`. */
const entriesOf = (name: string) =>
  Object.keys(own(name).exports).map((key) => `@rabble/${name}${key.slice(1)}`)
const entries = entriesOf('client')
const importAll = (entries: readonly string[]) =>
  entries.map((entry, index) => `export * as entry${index} from '${entry}'\n`).join('')

/** Builds `main.js` of a project for production. An error or a warning of webpack rejects it. */
async function buildWithWebpack(project: string): Promise<void> {
  // Loading it takes a second, and the usual form doesn't need it.
  const { default: webpack } = await import('webpack')
  const options: Configuration = {
    context: project,
    entry: './main.js',
    mode: 'production',
    output: { path: join(project, 'dist') },
  }
  await new Promise<void>((resolve, reject) => {
    webpack(options, (error, stats) => {
      if (stats?.hasErrors() === false && !stats.hasWarnings()) resolve()
      else reject(error ?? new Error(stats?.toString('errors-warnings')))
    })
  })
}

function createViteProject(): Promise<string> {
  return createProject('vite', {
    'package.json': '{ "private": true, "type": "module" }',
    'index.html': htmlOf('<script type="module" src="/main.ts"></script>'),
    'main.ts': `import { ChatError, connect, type Message } from '@rabble/client'\n${pageProgram(url, 'vite')}${uses}`,
    'tsconfig.json': tsconfig({
      module: 'esnext',
      moduleResolution: 'bundler',
      target: 'es2022',
      lib: ['es2022', 'dom'],
      noEmit: true,
    }),
  })
}

function createWebpackProject(): Promise<string> {
  return createProject('webpack', {
    'package.json': '{ "private": true }',
    'main.js': `import { connect } from '@rabble/client'\n${pageProgram(url, 'webpack')}`,
  })
}

// Packages that applications with React have; React 18 lies elsewhere in the repository.
const reactTarballs = await pack(
  ...['react', 'react-dom', 'scheduler'].map((name) => join(repository, 'packages/react/node_modules', name)),
  ...['@types/react', '@types/react-dom', 'csstype'].map((name) => join(repository, 'node_modules', name)),
)

/**
 * Whether pages are built by Vite and webpack as well. The usual form has programs for Node.js, a server that renders, a page with a
 * script, and what esbuild leaves out. `other-pages.test.ts` builds a page with React.
 */
const withBundlers = inForm(false, true)

const [nodeProject, reactProject, ...bundled] = await Promise.all([
  createProject('node', {
    'package.json': '{ "private": true }',
    'esm.mts': program('esm'),
    'cjs.cts': program('cjs'),
    'every.mts': importAll(entries),
    'every.cts': importAll(entries),
    'old.cjs': entries.map((entry) => `console.log(Object.keys(require('${entry}')).length > 0)\n`).join(''),
    'tsconfig.json': tsconfig({
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2023'],
      types: ['node'],
      declaration: true,
    }),
  }),
  createProject(
    'react',
    {
      'package.json': '{ "private": true, "type": "module" }',
      'index.html': htmlOf('<script type="module" src="/main.tsx"></script>'),
      'main.tsx': reactProgram(url),
      'every.mts': importAll(entriesOf('react')),
      'every.cts': importAll(entriesOf('react')),
      'server.mts': serverProgram,
      'server.cts': serverProgram,
      'tsconfig.json': tsconfig({
        module: 'nodenext',
        target: 'es2022',
        lib: ['es2023', 'dom'],
        types: [],
        jsx: 'react-jsx',
        declaration: true,
      }),
    },
    [client, react, ...reactTarballs],
  ),
  ...(withBundlers ? [createViteProject(), createWebpackProject()] : []),
])
const installed = {
  client: join(nodeProject, 'node_modules/@rabble/client'),
  react: join(reactProject, 'node_modules/@rabble/react'),
}

for (const name of packageNames) {
  t.test(`the tarball of ${name} has all that a package needs, and its types name only peers`, async (t) => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
    const manifest = JSON.parse(readFileSync(join(installed[name], 'package.json'), 'utf8'))
    t.match(manifest, { name: `@rabble/${name}`, version, license: 'MIT', sideEffects: false })
    t.match(manifest, {
      description: / /,
      keywords: Array,
      publishConfig: { access: 'public', provenance: true },
    })
    t.strictSame(
      [manifest.private, manifest.dependencies, manifest.scripts],
      [undefined, undefined, undefined],
    )
    const peers = Object.keys(manifest.peerDependencies ?? {})
    t.same(peers, name === 'react' ? ['@rabble/client', 'react'] : [])
    t.same(Object.keys(manifest.exports), [...Object.keys(own(name).exports), './package.json'])
    t.same(readdirSync(installed[name]).sort(), [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'package.json',
    ])
    const folder = join(installed[name], 'dist')
    const types = readdirSync(folder).filter((file) => /\.d\.c?ts$/.test(file))
    for (const file of types) {
      const text = readFileSync(join(folder, file), 'utf8')
      const named = text.match(/(?<=(?:from|import\()\s*['"])[^.'"][^'"]*/g) ?? []
      t.same(
        named.filter((other) => !peers.some((peer) => other === peer || other.startsWith(`${peer}/`))),
        [],
        file,
      )
    }
    const all = types.map((file) => readFileSync(join(folder, file))).join('')
    t.match(all, name === 'client' ? '/** Id that the sender gave the message. */' : '/** Key for React.')
  })
}

t.test(
  'the script is small, and modules for React begin with what tells servers that they use hooks',
  async (t) => {
    const script = gzipSync(readFileSync(join(installed.client, 'dist/rabble.min.js')), { level: 9 })
    t.ok(
      script.length < 18 * 1024,
      `${script.length} bytes of script with all entries and transports, gzipped`,
    )
    for (const file of ['index.js', 'index.cjs']) {
      t.match(readFileSync(join(installed.react, 'dist', file), 'utf8'), /^["']use client["']/, file)
    }
  },
)

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

t.test('the folders of the workspace are not packed by mistake', async (t) => {
  for (const name of packageNames.slice(0, inForm(1, packageNames.length))) {
    await t.rejects(run(join(repository, 'packages', name), 'npm', 'pack', '--dry-run'), /after make package/)
  }
})

t.test(
  'strict projects compile with them: ECMAScript modules, CommonJS and React; in the long form for a bundler, too',
  async () => {
    const types = join(nodeProject, 'node_modules/@types')
    mkdirSync(types)
    symlinkSync(join(repository, 'node_modules/@types/node'), join(types, 'node'))
    await Promise.all([nodeProject, reactProject, ...bundled.slice(0, 1)].map(compile))
  },
)

const pages = await servePages(
  t,
  {
    '/webpack/': htmlOf('<script src="dist/main.js"></script>'),
    '/script/': htmlOf(`<script src="../node/node_modules/@rabble/client/dist/rabble.min.js"></script>
<script>const { connect } = Rabble${pageProgram(url, 'script')}</script>`),
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

t.test('a server renders the provider, from both kinds of modules, without a connection', async (t) => {
  const outputs = ['server.mjs', 'server.cjs', 'every.mjs', 'every.cjs'].map((file) =>
    node(reactProject, file),
  )
  t.same(await Promise.all(outputs), ['connecting\n', 'connecting\n', '', ''])
})

t.test(
  'pages of another origin chat by them: with a script; in the long form built by bundlers, with React and without, too',
  async (t) => {
    const [viteProject, webpackProject] = bundled
    if (viteProject !== undefined) {
      const { build } = await import('vite')
      for (const root of [reactProject, viteProject]) {
        await build({ root, base: './', configFile: false, logLevel: 'error' })
      }
    }
    if (webpackProject !== undefined) await buildWithWebpack(webpackProject)
    const browser = await launchBrowser(t)
    for (const [kind, path] of [
      ['script', 'script/'],
      ...(withBundlers
        ? [
            ['react', 'react/dist/index.html'],
            ['vite', 'vite/dist/index.html'],
            ['webpack', 'webpack/'],
          ]
        : []),
    ]) {
      const { page, problems } = await openPage(t, browser, `${site}/${path}`)
      await page.getByText(`Ada ${kind}: hello`).waitFor()
      t.same(problems, [])
    }
  },
)
