import { join } from 'node:path'
import {
  assertNothingLeft,
  type ChatClient,
  connectChat,
  dataFolder,
  freePort,
  noRateLimits,
  privateFolder,
  startService,
} from '@rabble/harness'
import type { Page } from 'playwright-core'
import t from 'tap'
import { build } from 'vite'
import { launchBrowser, openChat, openPage } from '../browser.ts'
import { servePages } from '../page-server.ts'
import { repository } from '../repository.ts'

assertNothingLeft(t)

/** Numbers of events after which the memory is measured. By the first one all that is bounded is full. */
const first = 20_000
const last = 100_000
/** Number of events that are under way at once. */
const portion = 1_000
/** Bound (bytes) of what a tab may take more: 12 for each event, less than the smallest part of one that is kept. */
const most = 1_000_000

const port = await freePort()
process.env.VITE_RABBLE_URL = `http://127.0.0.1:${port}`
const outDir = privateFolder(t, 'site')
await build({
  root: join(repository, 'examples/react'),
  logLevel: 'error',
  build: { outDir, emptyOutDir: true },
})
const site = `http://localhost:${await servePages(t, {}, outDir)}`
const rabble = await startService(t, 'standalone', {
  ...noRateLimits,
  DATA_DIR: dataFolder(t),
  PORT: String(port),
  RABBLE_ALLOWED_ORIGINS: site,
  LOG_LEVEL: 'warn',
})
const browser = await launchBrowser(t)

/** Opens the example with the hooks for React, and enters. */
async function openExample() {
  const { page } = await openPage(t, browser, `${site}/index.html`)
  await page.getByRole('textbox', { name: 'Your name' }).fill('Rea')
  await page.keyboard.press('Enter')
  await page.getByText('Connected as Rea').waitFor()
  return page
}

const chat = await openChat(t, browser, `${rabble.url}/#general`)
await chat.enter('Ada')
const pages = { 'the chat page': chat.page, 'the page with React': await openExample() }

const { users } = await (async () => {
  const writer = await connectChat(t, rabble.url)
  await writer.join('general')
  return writer.request({ type: 'members', room: 'general' })
})()
const ada = users.find(({ name }) => name === 'Ada')?.id ?? ''

/** Returns the bytes in use after a collection, and the number of nodes of the document. */
async function measure(page: Page): Promise<{ bytes: number; nodes: number }> {
  const session = await page.context().newCDPSession(page)
  // The second one takes what the first one has only marked, such as values of weak maps.
  for (let n = 0; n < 2; n++) await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  const { nodes } = await session.send('Memory.getDOMCounters')
  await session.detach()
  return { bytes: usedSize, nodes }
}

/** Number of events so far. */
let count = 0

/** Lets events occur until there were so many, and waits until both pages have seen the last one. */
async function occur(until: number): Promise<void> {
  const began = Date.now()
  const from = count
  const writers = await Promise.all(['Wim', 'Wil', 'Wes'].map((name) => connectChat(t, rabble.url, { name })))
  for (const writer of writers) await writer.join('general')
  const guest = await connectChat(t, rabble.url, { name: 'Gus' })
  while (count < until) {
    await Promise.all(
      Array.from({ length: Math.min(portion, until - count) }, () => {
        const n = count++
        return event(n, writers[n % writers.length] as ChatClient, guest)
      }),
    )
    const text = `the pages have seen ${count} events`
    await writers[0]?.send('general', text)
    for (const page of Object.values(pages)) await page.getByText(text).first().waitFor()
  }
  await Promise.all([...writers, guest].map((client) => client.close()))
  t.comment(`${count - from} in ${Date.now() - began} ms`)
}

/** Messages that may be changed, by author. */
const said = new Map<string | undefined, string>()

async function event(n: number, writer: ChatClient, guest: ChatClient): Promise<unknown> {
  const name = writer.user?.name
  const earlier = said.get(name)
  if (n % 10 === 3 && earlier !== undefined) return writer.edit('general', earlier, `number ${n}, edited`)
  if (n % 20 === 5 && earlier !== undefined) {
    said.delete(name)
    return writer.delete('general', earlier)
  }
  if (n % portion === 11) {
    await guest.join('general')
    return guest.request({ type: 'leave', room: 'general' })
  }
  if (n % 50 === 7) return writer.sendTo(ada, `for Ada alone, ${n}`)
  const { id } = await writer.send('general', `number ${n} ${'and so on '.repeat(n % 7)}`)
  said.set(name, id)
  return id
}

async function restart(): Promise<void> {
  await rabble.kill()
  await rabble.restart()
}

t.test(`a tab takes as much memory after ${last} events as after ${first}`, async (t) => {
  // Each lost connection is followed by a replay. After the first one the code for that is loaded.
  await occur(first / 2)
  await restart()
  await occur(first)
  const before = await Promise.all(Object.values(pages).map(measure))
  await restart()
  await occur(last)
  const after = await Promise.all(Object.values(pages).map(measure))
  for (const [index, name] of Object.keys(pages).entries()) {
    const [was, is] = [before[index], after[index]]
    if (was === undefined || is === undefined) throw new Error('nothing was measured')
    const grown = is.bytes - was.bytes
    t.comment(`${name}: ${was.bytes} bytes, ${was.nodes} nodes; then ${is.bytes} bytes, ${is.nodes} nodes`)
    t.ok(grown < most, `${name} takes ${grown} bytes more`)
    t.ok(is.nodes < was.nodes * 1.5, `${name} has ${is.nodes} nodes, after ${was.nodes}`)
  }
  t.same(chat.problems, [])
})
