import type { ServerFrames } from '@rabble/contract'
import {
  assertNothingLeft,
  type ChatClient,
  connectChat,
  dataFolder,
  startService,
  type TestContext,
  until,
} from '@rabble/harness'
import type { Page, WebSocketRoute } from 'playwright-core'
import t from 'tap'
import { launchBrowser, listen, openChat } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)

const rabble = await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  RABBLE_MESSAGES_PER_SECOND: '10000',
  RABBLE_MESSAGE_BURST: '10000',
  // Older messages then come from history.
  RABBLE_RECENT_PER_ROOM: '10',
})

/** Connects a writer, and sends `count` messages to a room, the first of them `first`. */
async function fill(t: TestContext, room: string, first: string, count: number): Promise<ChatClient> {
  const writer = await connectChat(t, rabble.url, { name: `Writer of ${room}` })
  await writer.join(room)
  await writer.send(room, first)
  for (let n = 1; n < count; n++) await writer.send(room, `message ${n}`)
  return writer
}

/** Routes the page's connection through a proxy. Resolves with a function that ends the connection. */
async function losable(page: Page): Promise<() => Promise<void>> {
  let last: WebSocketRoute | undefined
  await page.routeWebSocket(/.*/, (socket) => {
    socket.connectToServer()
    last = socket
  })
  return async () => await last?.close({ code: 1012, reason: 'lost' })
}

/** Sends a request to the API as this guest. */
async function ask(guest: ChatClient, what: string, body?: object): Promise<{ id: string }> {
  const welcome = await guest.waitFor(({ type }) => type === 'welcome', 60_000)
  const token = welcome.type === 'welcome' ? welcome.token : undefined
  const [method = '', path] = what.split(' ')
  const answer = await fetch(`${rabble.url}/api/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${what}: ${answer.status} ${text}`)
  return text === '' ? { id: '' } : JSON.parse(text)
}

t.test('what is refused for good stays with its reason, to be sent again or discarded', async (t) => {
  const owner = await connectChat(t, rabble.url, { name: 'Owner' })
  await ask(owner, 'POST rooms', { name: 'quiet' })
  await owner.join('quiet')
  const ada = await openChat(t, browser, `${rabble.url}/#quiet`)
  await ada.enter('Ada')
  await ada.write('before')
  await ada.sees('before')
  const said = await owner.waitFor((frame) => frame.type === 'message', 60_000)
  const user = said.type === 'message' ? said.from.id : ''
  const { id } = await ask(owner, 'POST moderation/mutes', { room: 'quiet', user })

  const failed = (text: string) => ada.page.locator('.unsent', { hasText: text }).getByText(/^Not sent: /)
  const refused = async () => {
    // The gateway learns of it a moment later.
    await ada.write('too early')
    return await failed('too early')
      .first()
      .waitFor({ timeout: 2_000 })
      .then(
        () => true,
        () => false,
      )
  }
  await until(refused, 60_000, 'a message to be refused')
  await ada.write('again, please')
  await failed('again, please').waitFor()
  await ada.write('never mind')
  await failed('never mind').waitFor()
  await ada.page
    .locator('.unsent', { hasText: 'never mind' })
    .getByRole('button', { name: 'Discard' })
    .click()
  await failed('never mind').waitFor({ state: 'detached' })

  await ask(owner, `DELETE moderation/mutes/${id}`)
  const accepted = async () => {
    const retry = ada.page
      .locator('.unsent', { hasText: 'again, please' })
      .getByRole('button', { name: 'Retry' })
    if (await retry.isVisible()) await retry.click({ timeout: 10_000 })
    return owner.messages('quiet').some(({ text }) => text === 'again, please')
  }
  await until(accepted, 60_000, 'the message to be taken')
  await ada.message('again, please').waitFor()
  t.notOk(owner.messages('quiet').some(({ text }) => text === 'never mind'))
  t.same(ada.problems, [])
})

t.test('signing out discards what was written, and asks first if it is not sent', async (t) => {
  const cleo = await openChat(t, browser, `${rabble.url}/#secrets`)
  const { page } = cleo
  await cleo.enter('Cleo')
  await page.getByText('1 here', { exact: true }).waitFor()
  await cleo.go('more secrets')
  await page.getByRole('link', { name: 'secrets', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'secrets', exact: true }).waitFor()
  t.teardown(() => rabble.thaw())
  rabble.freeze()
  await cleo.write('unsent')
  await page.locator('.unsent').waitFor()
  await cleo.messageBox.fill('a draft of Cleo’s')
  await cleo.signOut()
  await page.getByRole('dialog', { name: 'Sign out?' }).getByRole('button', { name: 'Stay' }).click()
  await page.locator('.unsent').waitFor()
  await cleo.signOut()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out anyway' }).click()
  // Not before the server knows: otherwise the next user would go on in the session of this one.
  await page
    .getByRole('status')
    .getByText(/^Signing out…|Trying again…$/)
    .waitFor()
  const kept = async () =>
    await page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('rabble.'))")
  t.same(await kept(), [], 'nothing is kept')

  rabble.thaw()
  await cleo.enter('Bob')
  await page.getByRole('heading', { level: 1, name: 'secrets' }).waitFor()
  t.equal(await cleo.messageBox.inputValue(), '')
  const listed = async () =>
    (await page.locator('.room-list .room-name').allTextContents()).join() === 'secrets'
  await until(listed, 60_000, 'the room to be listed that the address says, and no other')
  await cleo.signOut()
  await page.getByRole('textbox', { name: 'Your name' }).waitFor()
  t.same(cleo.problems, [])
})

t.test('earlier messages that could not be loaded are, once there is a connection again', async (t) => {
  await fill(t, 'early', 'the first', 80)
  const dan = await openChat(t, browser, 'about:blank')
  const { page } = dan
  const lose = await losable(page)
  const history = /\/api\/rooms\/early\/messages/
  await page.route(history, (route) => route.abort('connectionrefused'))
  await page.goto(`${rabble.url}/#early`)
  await dan.enter('Dan')
  await dan.log
    .locator('.top')
    .getByText('Earlier messages: The server cannot be reached right now.')
    .waitFor()
  await page.unroute(history)
  await lose()
  t.equal((await dan.allTexts()).length, 80)
  t.same(dan.problems, [])
})

t.test(
  'a message that can’t be shown now: it is said so there and then, and it can be tried again',
  async (t) => {
    await fill(t, 'far', 'a needle', 80)
    const eve = await openChat(t, browser, 'about:blank', { timezoneId: 'UTC' })
    const { page } = eve
    const history = /\/api\/rooms\/far\/messages/
    await page.route(history, (route) => route.abort('connectionrefused'))
    await page.goto(`${rabble.url}/#/search?q=needle`)
    await eve.enter('Eve')
    const hit = page.getByRole('list', { name: 'Messages found' }).getByRole('button')
    const found = async () => {
      // The search lags a moment behind.
      await page.getByRole('button', { name: 'Search', exact: true }).click()
      return await hit.waitFor({ timeout: 5_000 }).then(
        () => true,
        () => false,
      )
    }
    await until(found, 60_000, 'the search to find it')
    const toast = page.locator('.messages-frame > .toast')
    // It disappears after a few seconds.
    const heard = await listen(page, '.messages-frame > .toast')
    await hit.click()
    const told = async () => (await heard()).includes('The server cannot be reached right now.')
    await until(told, 60_000, 'the page to say why it is not shown')
    await eve.go('elsewhere')
    t.equal(await toast.textContent(), '')

    await page.goto(`${rabble.url}/#far`)
    await page.getByRole('heading', { level: 1, name: 'far' }).waitFor()
    await page.unroute(history)
    const around = /around=/
    await page.route(around, (route) => route.abort('connectionrefused'))
    await page.getByRole('button', { name: 'About the room' }).click()
    const dialog = page.getByRole('dialog', { name: 'far' })
    await dialog.getByLabel('Go to a date').fill(new Date(Date.now() - 86_400_000).toISOString().slice(0, 10))
    await dialog.getByRole('button', { name: 'Go', exact: true }).click()
    const problem = eve.log.getByRole('alert').getByText('The server cannot be reached right now.')
    await problem.waitFor()
    await page.unroute(around)
    await eve.log.getByRole('button', { name: 'Try again' }).click()
    await eve.sees('a needle')
    await problem.waitFor({ state: 'detached' })
    t.same(eve.problems, [])
  },
)

t.test('what is quoted is as it is by now', async (t) => {
  const writer = await connectChat(t, rabble.url, { name: 'Quoted' })
  await writer.join('quotes')
  const { id } = await writer.send('quotes', 'a slip')
  // These are more messages than the page loads.
  for (let n = 0; n < 100; n++) await writer.send('quotes', `message ${n}`)
  await writer.request({ type: 'send', room: 'quotes', text: 'an answer', cid: 'answer', replyTo: id })

  const fay = await openChat(t, browser, 'about:blank')
  const { page } = fay
  const lose = await losable(page)
  const around = /around=/
  await page.route(around, (route) => route.abort('connectionrefused'))
  const inVain = page.waitForEvent('requestfailed', (request) => around.test(request.url()))
  await page.goto(`${rabble.url}/#quotes`)
  await fay.enter('Fay')
  await fay.message('an answer').getByText('Earlier message').waitFor()
  await inVain
  await page.unroute(around)
  await lose()
  await fay.message('an answer').getByText('a slip').waitFor()
  await writer.edit('quotes', id, 'a correction')
  await fay.message('an answer').getByText('a correction').waitFor()
  await writer.delete('quotes', id)
  await fay.message('an answer').getByText('deleted').waitFor()
  t.same(fay.problems, [])
})

t.test('a list of people that comes late or not at all is put right', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Bob' })
  await bob.join('people')
  // Otherwise a presence event about him might correct the list. The first one may tell no more than a number.
  const namesBob = ({ joined }: ServerFrames['presence']) => joined.some(({ id }) => id === bob.user?.id)
  await bob.waitFor((frame) => frame.type === 'presence' && namesBob(frame), 60_000)
  const gus = await openChat(t, browser, 'about:blank')
  let lists = 0
  await gus.page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((data) => {
      const frame = JSON.parse(String(data))
      if (frame.type !== 'members' || ++lists > 2) return socket.send(data)
      // The first reply is an error, the second one an outdated, empty list.
      const { ref } = frame
      const error = { type: 'error', ref, code: 'unavailable', message: 'not now' }
      socket.send(JSON.stringify(lists === 1 ? error : { ...frame, users: [] }))
    })
  })
  await gus.page.goto(`${rabble.url}/#people`)
  await gus.enter('Gus')
  await gus.page.locator('#people-list').getByText('Bob').waitFor()
  t.ok(lists > 2)
  t.same(gus.problems, [])
})
