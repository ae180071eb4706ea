import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  noRateLimits,
  startPushReceiver,
  startService,
  until,
  vapidKeys,
} from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat } from '../browser.ts'

/*
 * The server, the page, its service worker and the pushes to a local receiver are real. Two things of the browser are not: its push
 * service, which a test can't reach, and the display of notifications, which the headless shell refuses. `PushManager` gives the page a
 * subscription of the receiver, Chromium's debugger hands a push to the worker, and the worker's notifications are recorded.
 */

assertNothingLeft(t)
const timeout = 60_000
const keys = vapidKeys()
const receiver = await startPushReceiver(t, keys.publicKey)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', {
  ...noRateLimits,
  DATA_DIR: dataFolder(t),
  RABBLE_VAPID_PUBLIC_KEY: keys.publicKey,
  RABBLE_VAPID_PRIVATE_KEY: keys.privateKey,
  RABBLE_VAPID_SUBJECT: 'mailto:ops@chat.example',
  RABBLE_PUSH_HOSTS: receiver.host,
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
