import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  freePort,
  inForm,
  privateFolder,
  startNginx,
  startService,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { build } from 'vite'
import { launchBrowser, type OpenPage, openPage } from '../browser.ts'
import { axe, checkView } from '../check-view.ts'
import { servePages } from '../page-server.ts'
import { repository } from '../repository.ts'

// Pages other than the chat: those of applications with clients of theirs, the example, and the descriptions of the interfaces.

assertNothingLeft(t)
const require = createRequire(import.meta.url)
const script = (name: string, path: string) =>
  readFileSync(join(dirname(require.resolve(`${name}/package.json`)), path), 'utf8')

const port = await freePort()
const rabbleUrl = `http://127.0.0.1:${port}`

/** Returns a page with the script of a client. `write` shows a line. */
const pageOf = (source: string, code: string) => `<!doctype html>
<ul></ul>
<script src="${source}"></script>
<script>
  const write = (line) => { document.querySelector('ul').appendChild(document.createElement('li')).textContent = line }
  ${code}
</script>`

const hub = (source: string) =>
  pageOf(
    source,
    `const transport = Number(location.search.slice(1)) || undefined
  const hub = new signalR.HubConnectionBuilder().withUrl('${rabbleUrl}/chatHub', { transport }).build()
  hub.on('ReceiveMessage', (...args) => write(args.join(' | ')))
  const started = hub.start()`,
  )

const socket = (source: string) =>
  pageOf(
    source,
    `const socket = io('${rabbleUrl}', { transports: location.search ? ['polling'] : undefined, withCredentials: true })
  const started = new Promise((done) => socket.on('start', ({ ipHost }) => done(ipHost)))
  socket.on('message', ({ text, date, ip }) => write([text, ip, new Date(date) <= new Date()].join(' | ')))`,
  )

process.env.VITE_RABBLE_URL = rabbleUrl
const example = privateFolder(t, 'site')
await build({
  root: join(repository, 'examples/react'),
  base: './',
  logLevel: 'warn',
  // The development version of React has the strict mode.
  mode: 'development',
  build: { outDir: example, emptyOutDir: true, minify: false },
})
const pages = await servePages(
  t,
  {
    '/signalr-3.js': script('signalr-3', 'dist/browser/signalr.js'),
    '/signalr-10.js': script('@microsoft/signalr', 'dist/browser/signalr.js'),
    '/socket.io-2.js': script('socket.io-client-2', 'dist/socket.io.js'),
    '/hub-3': hub('/signalr-3.js'),
    '/hub-10': hub('/signalr-10.js'),
    '/socket-2': socket('/socket.io-2.js'),
    '/socket-4': socket(`${rabbleUrl}/socket.io/socket.io.js`),
  },
  example,
)
// Another origin, and another site: cookies of 127.0.0.1 are those of a third party for `localhost`.
const site = `http://localhost:${pages}`
const rabble = await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  PORT: String(port),
  RABBLE_ALLOWED_ORIGINS: site,
  LOG_LEVEL: 'warn',
})
const browser = await launchBrowser(t)

// Comes first: the others write to the same room.
t.test('two people chat with the example of @rabble/react, which is of another origin', async (t) => {
  const enter = async (name: string) => {
    const { page, problems } = await openPage(t, browser, `${site}/index.html`)
    await page.getByRole('textbox', { name: 'Your name' }).fill(name)
    await page.keyboard.press('Enter')
    await page.getByText(`Connected as ${name}`).waitFor()
    return { page, problems, messageBox: page.getByRole('textbox', { name: 'Message' }) }
  }
  const [ada, bob] = [await enter('Ada'), await enter('Bob')]
  for (const { page } of [ada, bob]) await page.getByText('Here: Ada, Bob', { exact: true }).waitFor()
  await ada.messageBox.pressSequentially('Good morning')
  await bob.page.getByText('Ada writes…', { exact: true }).waitFor()
  await ada.page.keyboard.press('Enter')
  await bob.page.getByText('Ada: Good morning', { exact: true }).waitFor()
  await bob.messageBox.fill('Hello Ada')
  await bob.page.keyboard.press('Enter')
  for (const { page, problems } of [ada, bob]) {
    await page.getByText('Bob: Hello Ada', { exact: true }).waitFor()
    const lines = (await page.getByRole('listitem').allTextContents()).map((line) => line.trim())
    t.same(lines, ['Ada: Good morning', 'Bob: Hello Ada'])
    t.same(problems, [])
  }
  await bob.page.close()
  await ada.page.getByText('Here: Ada', { exact: true }).waitFor()
})

t.test(
  'pages with the clients of SignalR, from another origin, chat over all their transports',
  async (t) => {
    const native = await connectChat(t, rabble.url, { name: 'Native' })
    await native.join('general')
    await native.join('Chat Room 1')
    const names: string[] = []
    // The usual form opens the older version with the transport that it chooses.
    const [chosen, events, polling] = ['', '2', '4'] as const
    for (const [version, transports] of [
      ['hub-3', inForm([chosen], [chosen, events, polling])],
      ['hub-10', [chosen, events, polling]],
    ] as const) {
      for (const transport of transports) {
        const { page, problems } = await openPage(t, browser, `${site}/${version}?${transport}`)
        const name = `Ada ${version} ${transport}`.trim()
        names.push(name)
        await page.evaluate('started')
        await page.evaluate(`hub.invoke('SendMessage', '${name}', 'hello')`)
        const said = await native.waitFor((frame) => frame.type === 'message' && frame.from.name === name)
        if (said.type !== 'message') return
        await page.getByText(`${name} | hello | ${said.via}`, { exact: true }).waitFor()
        await page.evaluate(`hub.invoke('JoinChatRoom', 'Chat Room 1', '${name}')`)
        await page.evaluate(`hub.invoke('BroadcastUserMessageToChatRoom', 'la', 'Chat Room 1', '${name}')`)
        await page.getByText(`${name}: la`, { exact: true }).waitFor()
        await native.send('general', `hello ${name}`)
        await page.getByText(`Native: hello ${name}`, { exact: true }).waitFor()
        t.same(problems, [])
      }
    }
    const inRoom = native.messages('Chat Room 1').map(({ from }) => from.name)
    t.same(inRoom, names)
  },
)

t.test('pages with the clients of Socket.IO, from another origin, chat over their transports', async (t) => {
  const native = await connectChat(t, rabble.url, { name: 'Nora' })
  await native.join('general')
  for (const [version, transports] of [
    ['socket-2', inForm([''], ['', '?polling'])],
    ['socket-4', ['', '?polling']],
  ] as const) {
    for (const transport of transports) {
      const { page, problems } = await openPage(t, browser, `${site}/${version}${transport}`)
      const gateway = await page.evaluate('started')
      await page.evaluate(`socket.emit('message', 'by ${version}${transport}')`)
      await page.getByText(`by ${version}${transport} | ${gateway} | true`, { exact: true }).waitFor()
      await native.send('general', 'hello')
      await page.getByText(`hello | ${gateway} | true`, { exact: true }).waitFor()
      t.same(problems, [])
    }
  }
})

// The page needs no service behind Nginx.
const nginx = await startNginx(t, { gateways: [1], histories: [1], rooms: [1] })
const servers = [
  {
    server: 'one process',
    url: rabble.url,
    name: 'on a desktop, light',
    look: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  },
  {
    server: 'Nginx',
    url: nginx.url,
    name: 'on a phone, dark',
    look: { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
  },
] as const

for (const { server, url } of servers) {
  t.test(`${server} serves the descriptions, under the same policy as the chat`, async (t) => {
    const page = await fetch(`${url}/api/docs`)
    const chat = await fetch(`${url}/`)
    t.equal(page.status, 200)
    t.match(page.headers.get('content-type'), 'text/html')
    const policy = page.headers.get('content-security-policy')
    t.equal(policy, chat.headers.get('content-security-policy'))
    t.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
    for (const name of ['openapi', 'asyncapi']) {
      const answer = await fetch(`${url}/api/docs/${name}.json`)
      t.equal(answer.status, 200)
      t.match(answer.headers.get('content-type'), 'application/json')
      t.match(((await answer.json()) as Record<string, string>)[name], /^3\./)
    }
    const missing = await fetch(`${url}/api/docs/nothing.json`)
    t.equal(missing.status, 404)
  })
}

// The usual form looks at the pages of one server, and lets axe, which takes several seconds, look at one of them.
for (const { server, url, name, look } of servers.slice(0, inForm(1, 2))) {
  t.test(`the pages of ${server} are readable, and break no policy: ${name}`, async (t) => {
    const person = await openPage(t, browser, `${url}/api/docs`, { ...look, script: axe })
    const { page, problems } = person
    await page.getByRole('heading', { name: 'Rabble: interfaces' }).waitFor()
    await page.getByRole('link', { name: 'Search messages' }).first().waitFor({ state: 'attached' })
    await checkPage(t, person)
    if (inForm(false, true)) await checkView(t, person, await page.title(), name)
    await page.getByRole('link', { name: 'Client', exact: true }).click()
    await page.getByRole('heading', { name: 'Rabble: the client' }).waitFor()
    await page.getByRole('link', { name: 'createRoom' }).first().waitFor({ state: 'attached' })
    await checkPage(t, person)
    await checkView(t, person, await page.title(), name)
    t.same(problems, [])
  })
}

async function checkPage(t: Test, { page }: OpenPage): Promise<void> {
  const style = await page.evaluate("getComputedStyle(document.querySelector('section')).borderTopStyle")
  t.equal(style, 'solid', 'the style is there')
  const lost = await page.evaluate(
    `[...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href').slice(1))
          .filter((id) => document.getElementById(id) === null)`,
  )
  t.same(lost, [], 'each link leads to its place')
  const twice = await page.evaluate(
    `[...document.querySelectorAll('[id]')].map(({ id }) => id).filter((id, n, all) => all.indexOf(id) < n)`,
  )
  t.same(twice, [], 'each place has a name of its own')
}
