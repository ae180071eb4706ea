import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { assertNothingLeft, connectChat, dataFolder, freePort, inForm, startService } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openPage } from '../browser.ts'
import { servePages } from '../page-server.ts'

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

const pages = await servePages(t, {
  '/signalr-3.js': script('signalr-3', 'dist/browser/signalr.js'),
  '/signalr-10.js': script('@microsoft/signalr', 'dist/browser/signalr.js'),
  '/socket.io-2.js': script('socket.io-client-2', 'dist/socket.io.js'),
  '/hub-3': hub('/signalr-3.js'),
  '/hub-10': hub('/signalr-10.js'),
  '/socket-2': socket('/socket.io-2.js'),
  '/socket-4': socket(`${rabbleUrl}/socket.io/socket.io.js`),
})
// Another origin, and another site: cookies of 127.0.0.1 are those of a third party for `localhost`.
const site = `http://localhost:${pages}`
const rabble = await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  PORT: String(port),
  RABBLE_ALLOWED_ORIGINS: site,
  LOG_LEVEL: 'warn',
})
const browser = await launchBrowser(t)

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
