import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { hashOf } from '../../src/state/address.ts'
import { languages } from '../../src/texts/language.ts'

/* The service worker's own code with a browser that is a fake; chat-page-services.test.ts runs it in a real one. */

const code = readFileSync(new URL('../../../public/sw.js', import.meta.url), 'utf8')

interface Shown {
  title: string
  tag: string
  body: string
  renotify?: boolean
  silent?: boolean
  data?: { id: string; hash: string }
}

interface Page {
  url: string
  visibilityState: 'visible' | 'hidden'
}

/** Starts the worker of a page below a path, with these tabs open. */
function start(tabs: Page[] = [], address = 'https://chat.example/team/sw.js') {
  const listeners = new Map<string, (event: object) => void>()
  const shown: Shown[] = []
  const done: string[] = []
  const windows = tabs.map((tab) => ({
    ...tab,
    postMessage: (message: object) => done.push(`${tab.url} is told ${JSON.stringify(message)}`),
    focus: async () => void done.push(`${tab.url} has the focus`),
  }))
  const self = {
    location: new URL(address),
    addEventListener: (type: string, listener: (event: object) => void) => listeners.set(type, listener),
    clients: {
      matchAll: async (query: object) => {
        t.same(query, { type: 'window', includeUncontrolled: true })
        return windows
      },
      openWindow: async (url: string) => void done.push(`opens ${url}`),
    },
    registration: {
      scope: 'https://chat.example/team/',
      // As browsers do, a notification takes the place of one with its tag.
      async showNotification(title: string, options: Omit<Shown, 'title'>) {
        const place = shown.findIndex(({ tag }) => tag === options.tag)
        shown.splice(place < 0 ? shown.length : place, 1, { title, ...options })
      },
      getNotifications: async ({ tag }: { tag: string }) => shown.filter((one) => one.tag === tag),
    },
  }
  runInNewContext(code, { self, URL, URLSearchParams, encodeURIComponent })
  async function dispatch(type: string, event: object): Promise<void> {
    let work: Promise<unknown> | undefined
    listeners.get(type)?.({ ...event, waitUntil: (promise: Promise<unknown>) => (work = promise) })
    t.ok(work, 'the browser keeps the worker until the work is done')
    await work
  }
  return {
    shown,
    done,
    push: (payload: object) =>
      dispatch('push', { data: { json: () => JSON.parse(JSON.stringify(payload)) } }),
    pushText: (text: string) => dispatch('push', { data: { json: () => JSON.parse(text) } }),
    click: (data: object | undefined) =>
      dispatch('notificationclick', { notification: { data, close() {} } }),
  }
}

const mention = { kind: 'mention', room: 'Café 1', from: 'Ada', id: 'm1', text: 'Bob?' }
const direct = { kind: 'direct', room: 'dm:ada:bob', peer: 'ada', from: 'Ada', id: 'm2', text: 'between us' }
const chat = 'https://chat.example/team/'

t.test('a push shows the room and author of a mention, or the author of a direct message', async (t) => {
  const { shown, push } = start([{ url: `${chat}#general`, visibilityState: 'hidden' }])
  await push(mention)
  await push(direct)
  t.match(shown, [
    { title: 'Café 1', body: 'Ada: Bob?', data: { hash: hashOf({ view: 'room', room: 'Café 1' }) } },
    { title: 'Ada', body: 'between us', data: { hash: hashOf({ view: 'direct', user: 'ada' }) } },
  ])
})

t.test('a conversation has one notification, and the same message alerts once', async (t) => {
  const { shown, push } = start()
  await push(mention)
  t.match(shown, [{ renotify: true, silent: false }])
  await push(mention)
  t.match(shown, [{ renotify: false, silent: true }])
  await push({ ...mention, id: 'm3', text: 'Bob!' })
  t.match(shown, [{ body: 'Ada: Bob!', renotify: true, silent: false }])
})

t.test('nothing is shown while a tab with the page is visible', async (t) => {
  const visible = { visibilityState: 'visible' as const }
  const { shown, push } = start([{ url: `${chat}#general`, ...visible }])
  await push(mention)
  t.same(shown, [])
  const other = start([{ url: 'https://chat.example/api/docs', ...visible }])
  await other.push(mention)
  t.equal(other.shown.length, 1, 'the descriptions are not the chat')
})

t.test('a push that the worker does not understand still shows that something came', async (t) => {
  const { shown, push, pushText } = start()
  await pushText('no JSON')
  await push({ kind: 'later' })
  t.match(shown, [{ title: 'Rabble', body: 'You have a new message.' }])
})

t.test('the worker speaks each language of the page, as the page tells it', async (t) => {
  const bodies = new Set<string>()
  for (const language of Object.keys(languages)) {
    const { shown, pushText } = start([], `https://chat.example/team/sw.js?lang=${language}`)
    await pushText('no JSON')
    bodies.add(shown[0]?.body ?? '')
  }
  t.equal(bodies.size, Object.keys(languages).length, [...bodies].join(' '))
  t.ok(bodies.has('Neue Nachricht.'))
})

t.test('a click leads to the conversation, in the tab that was used last or in a new one', async (t) => {
  const none = start([{ url: 'https://chat.example/api/docs', visibilityState: 'hidden' }])
  await none.click({ id: 'm1', hash: '#general' })
  t.same(none.done, ['opens ./#general'])
  const [one, other] = [`${chat}#a`, `${chat}index.html#b`]
  const some = start([one, other].map((url) => ({ url, visibilityState: 'hidden' })))
  await some.click({ id: 'm1', hash: '#general' })
  t.same(some.done, [`${one} is told {"show":"#general"}`, `${one} has the focus`])
  const plain = start()
  await plain.click(undefined)
  t.same(plain.done, ['opens ./'])
})
