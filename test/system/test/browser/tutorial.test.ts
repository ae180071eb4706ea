import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  freePort,
  inForm,
  privateFolder,
  startProcess,
  startService,
  type TestContext,
  until,
} from '@rabble/harness'
import t from 'tap'
import { createServer } from 'vite'
import { launchBrowser, openPage } from '../browser.ts'
import { preparePackages } from '../packages.ts'
import { servePages } from '../page-server.ts'
import { repository } from '../repository.ts'

assertNothingLeft(t)

const tutorial = readFileSync(join(repository, 'docs/tutorial.md'), 'utf8')

/** Steps of the tutorial by their numbers, each with its files and its commands. */
const steps = tutorial.split(/^## (?=\d)/m).map((text) => ({
  files: [...text.matchAll(/^Save as `([\w.-]+)`.*:\n\n```\w+\n([\s\S]*?)^```$/gm)].map(
    ([, name = '', content = '']) => ({ name, content }),
  ),
  commands: [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands = '']) => commands),
}))

/** Returns the settings that a command of a step begins with. */
function settingsOf(step: number, command: string): Record<string, string> {
  const line = steps[step]?.commands.join('').match(new RegExp(`^((?:[A-Z_]+=\\S+ )+)${command}$`, 'm'))
  // No assertion: between two of them, without a test that runs, tap takes a file that waits for long for finished.
  if (line === null || line === undefined) throw new Error(`step ${step} has no command ${command}`)
  return Object.fromEntries(
    (line[1] ?? '')
      .trim()
      .split(' ')
      .map((setting) => setting.split('=', 2)),
  )
}

// Outside the clone. In the usual form links stand for `npm install`; packages.test.ts installs the tarballs.
const folder = await inForm(link, install)()

async function link(): Promise<string> {
  const folder = join(privateFolder(t, 'tutorial'), 'my-chat')
  mkdirSync(join(folder, 'node_modules/@rabble'), { recursive: true })
  symlinkSync(join(repository, 'packages/client'), join(folder, 'node_modules/@rabble/client'))
  symlinkSync(join(repository, 'node_modules/vite'), join(folder, 'node_modules/vite'))
  return folder
}

/** Installs what the tutorial says: the newest Vite from the registry, and the tarball. */
async function install(): Promise<string> {
  const [, others = ''] =
    /^npm install (.*) \S*rabble-client-\S+$/m.exec(steps[2]?.commands.join('') ?? '') ?? []
  const { client, createProject } = await preparePackages(t)
  return createProject('my-chat', { 'package.json': '{}' }, [...others.split(' '), client])
}

/** Saves the files of a step. */
function type(step: number): void {
  for (const { name, content } of steps[step]?.files ?? []) writeFileSync(join(folder, name), content)
}

const pagesPort = await servePages(t, {}, repository)
const [rabblePort, vitePort, backEndPort] = [await freePort(), await freePort(), await freePort()]

/** Serves what was typed so far, as `npx vite` does. */
async function serve(t: TestContext) {
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: 'error',
    cacheDir: join(folder, `.vite-${Date.now()}`),
    server: { host: '127.0.0.1', port: vitePort, strictPort: true, watch: null },
  })
  t.teardown(() => server.close())
  await server.listen()
}

const settings = settingsOf(1, 'make start')
const rabble = await startService(t, 'standalone', {
  ...settings,
  RABBLE_ALLOWED_ORIGINS: `${settings.RABBLE_ALLOWED_ORIGINS},http://localhost:8000`,
  DATA_DIR: dataFolder(t),
  PORT: String(rabblePort),
  LOG_LEVEL: 'warn',
})
// The pages call these addresses as they stand in the tutorial.
const browser = await launchBrowser(t, {
  '127.0.0.1:8080': `127.0.0.1:${rabblePort}`,
  'localhost:5173': `127.0.0.1:${vitePort}`,
  'localhost:3000': `127.0.0.1:${backEndPort}`,
  'localhost:8000': `127.0.0.1:${pagesPort}`,
})

async function open(t: TestContext, query: string, address = 'http://localhost:5173/') {
  const { page, problems } = await openPage(t, browser, `${address}?${query}`)
  return {
    page,
    problems,
    sees: (text: string) => page.getByText(text, { exact: true }).waitFor(),
    async write(text: string) {
      await page.getByRole('textbox', { name: 'Message' }).fill(text)
      await page.getByRole('button', { name: 'Send' }).click()
    },
  }
}

t.test('step 2: two browsers chat on another origin than the server’s', async (t) => {
  type(2)
  await serve(t)
  const [ada, bob] = [await open(t, 'name=Ada'), await open(t, 'name=Bob')]
  await Promise.all([ada.sees('Ada: open'), bob.sees('Bob: open')])
  await ada.write('Hello, Bob')
  await bob.sees('Ada: Hello, Bob')
  await bob.write('Hello, Ada')
  await ada.sees('Bob: Hello, Ada')
  const isTyping = bob.page.getByText('Ada is typing', { exact: true })
  // The others are told every few seconds at most.
  const typed = async () => {
    await ada.page.getByRole('textbox', { name: 'Message' }).press('w')
    return isTyping.isVisible()
  }
  await until(typed, 60_000, 'Bob to see that Ada types')
  t.same([...ada.problems, ...bob.problems], [])
})

t.test('steps 3 and 4: users of a back end of one’s own, rooms and history', async (t) => {
  const carol = await connectChat(t, rabble.url, { name: 'Carol' })
  await carol.join('general')
  for (let n = 1; n <= 12; n++) await carol.send('general', `number ${n}`)
  type(3)
  type(4)
  await startProcess(t, {
    name: 'the back end',
    command: process.execPath,
    args: [join(folder, 'back-end.mjs')],
    env: { ...settingsOf(4, 'node back-end.mjs'), PORT: String(backEndPort) },
    isReady: async () => (await fetch(`http://127.0.0.1:${backEndPort}/?user=ada`)).ok,
  })
  await serve(t)
  const [ada, bob] = [await open(t, 'user=ada'), await open(t, 'user=bob')]
  await Promise.all([ada.sees('Ada Lovelace: open'), bob.sees('Robert: open')])
  await ada.sees('Carol: number 12')
  t.equal(await ada.page.getByText('Carol: number 1', { exact: true }).count(), 0)
  await ada.page.getByRole('button', { name: 'Older messages' }).click()
  await ada.sees('Carol: number 1')
  await ada.sees('Ada: Hello, Bob')

  await ada.page.getByRole('textbox', { name: 'Message' }).fill('plans')
  await ada.page.getByRole('button', { name: 'New room' }).click()
  await ada.page.getByRole('button', { name: 'plans about something' }).waitFor()
  await bob.page.reload()
  await bob.page.getByRole('button', { name: 'plans about something' }).click()
  await ada.write('What comes next?')
  await bob.sees('Ada Lovelace: What comes next?')
  t.same([...ada.problems, ...bob.problems], [])

  const nobody = await open(t, 'user=eve')
  await nobody.page.getByText('sign in first').waitFor()
})

t.test('the page of the examples chats without a build', async (t) => {
  const address = 'http://localhost:8000/examples/page/index.html'
  const [ada, bob] = [await open(t, 'name=Dora', address), await open(t, 'name=Emil', address)]
  await Promise.all([ada.sees('open'), bob.sees('open')])
  await ada.write('no bundler')
  await bob.sees('Dora: no bundler')
  t.same([...ada.problems, ...bob.problems], [])
})
