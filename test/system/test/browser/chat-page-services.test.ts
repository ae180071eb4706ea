import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  freePort,
  noRateLimits,
  startPushReceiver,
  startService,
  until,
  vapidKeys,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { client, startIssuer } from '../issuer.ts'

/*
 * Services of others: one pushes notifications, and one signs users in.
 *
 * The server, the page, its service worker and the pushes to a local receiver are real. Two things of the browser are not: its push
 * service, which a test can't reach, and the display of notifications, which the headless shell refuses. `PushManager` gives the page a
 * subscription of the receiver, Chromium's debugger hands a push to the worker, and the worker's notifications are recorded.
 */

assertNothingLeft(t)
const timeout = 60_000
const keys = vapidKeys()
const receiver = await startPushReceiver(t, keys.publicKey)
const [port, issuerPort] = [await freePort(), await freePort()]
const issuer = await startIssuer(t, issuerPort, {
  callback: `http://127.0.0.1:${port}/api/sign-in/callback`,
  users: {
    ada: { name: 'Ada Lovelace', groups: ['chat-admins', 'others'] },
    bob: { name: 'Bob', groups: ['others'] },
  },
  form: true,
})
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', {
  ...noRateLimits,
  DATA_DIR: dataFolder(t),
  RABBLE_VAPID_PUBLIC_KEY: keys.publicKey,
  RABBLE_VAPID_PRIVATE_KEY: keys.privateKey,
  RABBLE_VAPID_SUBJECT: 'mailto:ops@chat.example',
  RABBLE_PUSH_HOSTS: receiver.host,
  LOG_LEVEL: 'warn',
  PORT: String(port),
  RABBLE_OIDC_ISSUER: issuer.url,
  RABBLE_OIDC_CLIENT_ID: client.id,
  RABBLE_OIDC_CLIENT_SECRET: client.secret,
  RABBLE_OIDC_SCOPES: 'openid profile groups',
  RABBLE_OIDC_ROLES_CLAIM: 'groups',
  RABBLE_OIDC_ROLES: 'chat-admins=moderator',
})

/** Script that replaces the browser's push service, as long as the tab is there. */
const pushManager = (subscription: object) => `{
  const permission = { get: () => 'granted' }
  Object.defineProperty(Notification, 'permission', permission)
  Notification.requestPermission = async () => 'granted'
  let current = null
  globalThis.asked = []
  globalThis.ends = 0
  PushManager.prototype.getSubscription = async () => current
  PushManager.prototype.subscribe = async (options) => {
    asked.push({ ...options, applicationServerKey: [...options.applicationServerKey] })
    const json = ${JSON.stringify(subscription)}
    current = {
      endpoint: json.endpoint,
      options: { applicationServerKey: options.applicationServerKey.buffer },
      toJSON: () => json,
      unsubscribe: async () => {
        ends++
        current = null
        return true
      },
    }
    return current
  }
}`

/** Script for the worker that records its notifications in place of the browser, and clicks at the first one. */
const recordNotifications = `{
  globalThis.shown = []
  ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
    shown.push({ title, ...options })
  }
  ServiceWorkerRegistration.prototype.getNotifications = async () => shown
  globalThis.click = () => {
    const event = Object.assign(new ExtendableEvent('notificationclick'), {
      notification: { ...shown[0], close() {} },
    })
    // Without a real click the browser refuses to give a tab the focus.
    event.waitUntil = (work) => work.catch(() => {})
    dispatchEvent(event)
  }
}`

t.test('a mention and a direct message reach a user who has closed all tabs, as pushes', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Bob' })
  await bob.join('desk')
  const script = pushManager(receiver.subscribe())
  const ada = await openChat(t, browser, `${rabble.url}/#desk`, { script })
  const { page } = ada
  const context = page.context()
  await ada.enter('Ada')
  const id = await page.evaluate(async () => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch('api/session', { method: 'POST', headers, body: '{"keep":true}' })
    return (await answer.json()).user.id as string
  })
  await page.getByText('Nobody has said anything yet.').waitFor()
  const call = (text: string) => bob.request({ type: 'send', room: 'desk', cid: text, text, mentions: [id] })

  await page.getByRole('button', { name: 'Turn on notifications' }).click()
  await page.getByText('You also get them while this page is closed.').waitFor()
  t.same(await page.evaluate('asked'), [
    { userVisibleOnly: true, applicationServerKey: [...Buffer.from(keys.publicKey, 'base64url')] },
  ])
  await call('Ada, are you there?')
  await ada.sees('Ada, are you there?')
  t.same(ada.problems, [])
  await page.close()

  await call('Ada, come back')
  await bob.send('desk', 'not for Ada alone')
  const pushed = async (text: string) => {
    const find = () => receiver.received.find(({ payload }) => payload.text === text)
    await until(() => find() !== undefined, timeout, `the push of ${text}`)
    return find()?.payload
  }
  const mention = await pushed('Ada, come back')
  t.match(mention, { kind: 'mention', room: 'desk', from: 'Bob' })
  await bob.sendTo(id, 'between us')
  t.match(await pushed('between us'), { kind: 'direct', peer: bob.user?.id, from: 'Bob' })
  t.notOk(receiver.texts().includes('not for Ada alone'))

  // The browser's part: its push service hands the content to the worker, which runs without a page.
  const [worker] = context.serviceWorkers()
  if (worker === undefined) throw new Error('the page has registered no service worker')
  await worker.evaluate(recordNotifications)
  const shown = () => worker.evaluate<object[]>('shown')
  // The debugger needs a page, and this one is no chat.
  const other = await context.newPage()
  await other.goto(`${rabble.url}/api/docs`)
  const debug = await context.newCDPSession(other)
  const registered = new Promise<string>((found) => {
    debug.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: [first] }) => {
      if (first !== undefined) found(first.registrationId)
    })
  })
  await debug.send('ServiceWorker.enable')
  const registrationId = await registered
  const deliver = () =>
    debug.send('ServiceWorker.deliverPushMessage', {
      origin: rabble.url,
      registrationId,
      data: JSON.stringify(mention),
    })
  await deliver()
  await until(async () => (await shown()).length > 0, timeout, 'the notification')
  const notification = { title: 'desk', body: 'Bob: Ada, come back', tag: 'rabble desk' }
  t.match(await shown(), [notification])

  // Back on the page: a click leads to the conversation, and turning notifications off ends the pushes.
  const again = await context.newPage()
  await again.goto(`${rabble.url}/#elsewhere`)
  await again.getByText('You also get them while this page is closed.').waitFor()
  await worker.evaluate('click()')
  await again.getByText('Ada, come back').waitFor()
  const ended = again.waitForResponse(
    (answer) => answer.url().endsWith('/api/push/subscription') && answer.request().method() === 'DELETE',
  )
  await again.getByLabel('Show notifications').click()
  await again.getByRole('button', { name: 'Turn on notifications' }).waitFor()
  t.equal((await ended).status(), 204)
  await again.getByRole('button', { name: 'Turn on notifications' }).click()
  await again.getByText('You also get them while this page is closed.').waitFor()
  t.equal(await again.evaluate('ends'), 1)
  await again.getByRole('button', { name: /^Your menu/ }).click()
  await again.getByRole('button', { name: 'Sign out' }).click()
  await until(async () => (await again.evaluate('ends')) === 2, timeout, 'the end with the sign-out')
  t.same(ada.problems, [])
})

/** Opens the page. The form of the provider wants a font from the web, which is left out. */
async function open(t: Test, url: string): Promise<Person> {
  const person = await openChat(t, browser, url)
  const empty = { contentType: 'text/css', body: '' }
  await person.page.route('https://fonts.googleapis.com/**', (route) => route.fulfill(empty))
  return person
}

/** Presses the button of the page. */
const goToIssuer = ({ page }: Person) => page.getByRole('link', { name: 'Sign in with your account' }).click()

/** Fills in the form of the provider. */
async function fillForm({ page }: Person, login: string): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(login)
  await page.getByPlaceholder('and password').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
}

const isConnected = ({ page }: Person) => page.getByText(/^Connected as/).waitFor({ state: 'attached' })

/** Returns whether the menu of the user has an entry. */
async function offers({ page }: Person, entry: string): Promise<boolean> {
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByRole('button', { name: 'Sign out', exact: true }).waitFor()
  const isThere = await page.getByRole('link', { name: entry }).isVisible()
  await page.keyboard.press('Escape')
  return isThere
}

t.test('the button leads to the provider, and back to the room with the name and the role', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Guest' })
  await bob.join('plans')
  const ada = await open(t, `${rabble.url}/#plans`)
  await goToIssuer(ada)
  await ada.page.waitForURL(`${issuer.url}/**`)
  await fillForm(ada, 'ada')
  await isConnected(ada)
  await ada.page.getByRole('heading', { level: 1, name: 'plans', exact: true }).waitFor()
  t.equal(ada.page.url(), `${rabble.url}/#plans`, 'nothing of the sign-in is left in the address')
  await ada.page.getByRole('button', { name: 'Your menu: Ada Lovelace' }).waitFor()
  t.ok(await offers(ada, 'Moderation'), 'the role is known')
  await ada.write('I am here')
  const said = await bob.waitFor((frame) => frame.type === 'message' && frame.text === 'I am here')
  t.match(said, { from: { id: /^oidc-[\w-]{22}$/, name: 'Ada Lovelace' } })

  // The session at the provider goes on, so it asks for nothing.
  await ada.signOut()
  await goToIssuer(ada)
  await isConnected(ada)
  await ada.page.getByRole('button', { name: 'Your menu: Ada Lovelace' }).waitFor()
  t.same(ada.problems, [])
})

t.test('a person without a group that means a role gets none', async (t) => {
  const bob = await open(t, rabble.url)
  await goToIssuer(bob)
  await fillForm(bob, 'bob')
  await isConnected(bob)
  t.notOk(await offers(bob, 'Moderation'))
})

t.test(
  'an error of the provider is a sentence on the sign-in page, until the page is loaded again',
  async (t) => {
    const ada = await open(t, rabble.url)
    await goToIssuer(ada)
    await ada.page.getByRole('link', { name: 'Cancel' }).click()
    const problem = ada.page.getByRole('alert')
    await problem.getByText('You were not signed in: the sign-in was cancelled or denied.').waitFor()
    t.equal(ada.page.url(), `${rabble.url}/`, 'the address doesn’t have it any more')
    await ada.page.goto(`${rabble.url}/api/sign-in/callback?code=stolen&state=unknown`)
    await problem.getByText('The sign-in took too long. Try again.').waitFor()
    await ada.page.reload()
    await ada.page.getByRole('link', { name: 'Sign in with your account' }).waitFor()
    t.equal(await problem.textContent(), '')
    await goToIssuer(ada)
    await fillForm(ada, 'ada')
    await isConnected(ada)
    t.same(ada.problems, [])
  },
)
