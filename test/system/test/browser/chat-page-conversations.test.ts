import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  noRateLimits,
  startService,
  until,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { launchBrowser, openChat, type PageOptions, type Person } from '../browser.ts'
import { axe, checkView } from '../check-view.ts'
import { accountOf, counts, linksOf, lists, openAnother } from '../devices.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { ...noRateLimits, DATA_DIR: dataFolder(t) })

const phone = { width: 390, height: 844 }

/** Script that lets a test hide the page, and records notifications and sounds. */
const recorder = `
  let hidden = false
  Object.defineProperty(document, 'hidden', { get: () => hidden })
  globalThis.hide = (is) => {
    hidden = is
    document.dispatchEvent(new Event('visibilitychange'))
  }
  globalThis.notifications = []
  globalThis.sounds = 0
  globalThis.Notification = class {
    static permission = 'default'
    static async requestPermission() {
      return this.permission = 'granted'
    }
    constructor(title, { body }) {
      Object.assign(this, { title, body })
      notifications.push(this)
    }
    close() {}
  }
  globalThis.AudioContext = class extends AudioContext {
    constructor() {
      super()
      sounds++
    }
  }`

/** Opens the page for the same user in another browser. */
const another = (t: Test, person: Person, hash: string, options?: PageOptions) =>
  openAnother(t, browser, person, `${rabble.url}/${hash}`, options)

async function go({ page }: Person, room: string): Promise<void> {
  await page
    .getByRole('navigation', { name: 'Rooms' })
    .getByRole('link', { name: new RegExp(`^${room}`) })
    .click()
  await page.getByRole('heading', { level: 1, name: room }).waitFor()
}

t.test('all devices list the same conversations, and what one reads is read on the others', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Bob' })
  await bob.join('plans')
  await bob.send('plans', 'from before')
  const ada = await openChat(t, browser, `${rabble.url}/#plans`)
  await ada.enter('Ada')
  await ada.sees('from before')
  await ada.page.goto(`${rabble.url}/#hall`)
  await lists(ada, ['hall', 'plans'])
  const mobile = await another(t, ada, '#hall', { viewport: phone, script: axe })
  await mobile.page.getByRole('heading', { level: 1, name: 'hall' }).waitFor()
  const { user } = await accountOf(ada)
  await counts(ada, 0)

  await bob.send('plans', 'one')
  await bob.request({ type: 'send', room: 'plans', cid: 'two', text: 'Ada, two', mentions: [user.id] })
  await bob.sendTo(user.id, 'between us')
  const listed = ['hall', 'plans @ 2', 'Bob 1']
  await lists(ada, listed)
  await counts(ada, 3)
  await counts(mobile, 3)
  const menu = mobile.page.getByRole('button', { name: 'Rooms, 3 unread' })
  await menu.click()
  await lists(mobile, listed)
  await checkView(t, mobile, 'unread conversations', 'on a phone')
  await mobile.page.keyboard.press('Escape')

  await bob.send('plans', 'three')
  await lists(ada, ['hall', 'plans @ 3', 'Bob 1'])

  await go(ada, 'plans')
  await ada.sees('three')
  const line = ada.log.getByText('New messages')
  t.equal(await ada.log.locator('.row:has(.separator.new) .text').textContent(), 'one')
  await lists(ada, ['hall', 'plans', 'Bob 1'])
  await mobile.page.getByRole('button', { name: 'Rooms, 1 unread' }).waitFor()
  await counts(mobile, 1)
  t.ok(await line.isVisible(), 'the line stays while the user reads')
  await ada.write('an answer')
  await line.waitFor({ state: 'detached' })

  await go(ada, 'Bob')
  await ada.sees('between us')
  await counts(mobile, 0)
  await mobile.page.getByRole('button', { name: 'Rooms', exact: true }).waitFor()
  await ada.page.reload()
  await ada.sees('between us')
  t.equal(await line.count(), 0, 'nothing is new any more')
  await lists(ada, ['hall', 'plans', 'Bob'])
  t.same([...ada.problems, ...mobile.problems], [])
})

t.test('a user who comes back reads from the first unread message on, as far as it is', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Ben' })
  await bob.join('long')
  const eve = await openChat(t, browser, `${rabble.url}/#long`)
  await eve.enter('Eve')
  await eve.write('seen')
  await eve.message('seen').waitFor()
  await eve.page.goto(`${rabble.url}/#elsewhere`)
  await eve.page.getByRole('heading', { level: 1, name: 'elsewhere' }).waitFor()
  // These are more than the page has at first.
  for (let n = 1; n <= 60; n++) await bob.send('long', `message ${n}`)
  await lists(eve, ['elsewhere', 'long 60'])
  await eve.page.reload()
  await lists(eve, ['elsewhere', 'long 60'])
  await go(eve, 'long')
  await eve.sees('message 60')
  const { token } = await accountOf(eve)
  const program = await connectChat(t, rabble.url, { token })
  const isRead = async () => {
    const { conversations } = await program.request({ type: 'watch' })
    return conversations.every(({ unread }) => unread === 0)
  }
  await until(isRead, 60_000, 'the server to know that all is read')
  const jump = eve.page.getByRole('button', { name: 'Jump to first unread' })
  await jump.click()
  await eve.log.getByText('New messages').waitFor()
  await eve.message('message 1').waitFor()
  await jump.waitFor({ state: 'detached' })
  await go(eve, 'elsewhere')
  await go(eve, 'long')
  await eve.sees('message 60')
  t.equal(await jump.count(), 0)
  t.same(eve.problems, [])
})

t.test(
  'muting and leaving hold on all devices, and only mentions of a muted conversation count',
  async (t) => {
    const bob = await connectChat(t, rabble.url, { name: 'Cem' })
    await bob.join('noise')
    const dan = await openChat(t, browser, `${rabble.url}/#noise`, { script: axe })
    await dan.enter('Dan')
    await dan.page.getByText('Nobody has said anything yet.').waitFor()
    const { user, token } = await accountOf(dan)
    await dan.page.getByRole('button', { name: 'About the room' }).click()
    const about = dan.page.getByRole('dialog', { name: 'noise' })
    await about.getByRole('button', { name: 'Mute', exact: true }).click()
    await about.getByRole('button', { name: 'Unmute' }).waitFor()
    await dan.page.keyboard.press('Escape')
    await dan.page.goto(`${rabble.url}/#quiet`)
    const other = await another(t, dan, '#quiet')
    await lists(other, ['noise muted', 'quiet'])
    await bob.send('noise', 'blah')
    await bob.request({ type: 'send', room: 'noise', cid: 'call', text: 'Dan?', mentions: [user.id] })
    await lists(dan, ['noise @ muted', 'quiet'])
    await counts(dan, 1)
    await checkView(t, dan, 'a muted conversation', 'on a desktop')

    await go(other, 'noise')
    await lists(dan, ['noise muted', 'quiet'])
    await go(dan, 'noise')
    await other.page.getByRole('button', { name: 'About the room' }).click()
    await other.page.getByRole('button', { name: 'Leave the room' }).click()
    await dan.page.getByRole('heading', { level: 1, name: 'quiet' }).waitFor()
    for (const device of [dan, other]) await lists(device, ['quiet'])

    // A page of the list has 50 conversations.
    const program = await connectChat(t, rabble.url, { token })
    const names = Array.from({ length: 51 }, (_, n) => `room ${100 + n}`)
    for (const name of names) {
      await program.join(name)
      await program.request({ type: 'leave', room: name, keep: true })
    }
    await until(
      async () => (await linksOf(dan)).length === names.length + 1,
      60_000,
      'the new rooms to be listed',
    )
    await other.page.reload()
    const more = other.page.getByRole('button', { name: 'Show more' })
    await more.click()
    await lists(other, ['quiet', ...names])
    t.equal(await more.count(), 0)
    t.same([...dan.problems, ...other.problems], [])
  },
)

t.test(
  'a hidden page leaves messages unread, and notifies of direct ones and mentions if it may',
  async (t) => {
    const bob = await connectChat(t, rabble.url, { name: 'Gil' })
    await bob.join('desk')
    const fay = await openChat(t, browser, `${rabble.url}/#desk`, { script: recorder })
    const { page } = fay
    await fay.enter('Fay')
    const { user } = await accountOf(fay)
    await page.getByText('Nobody has said anything yet.').waitFor()
    const told = () => page.evaluate<string[]>("notifications.map(({ title, body }) => title + ': ' + body)")
    const isTold = (texts: string[]) =>
      until(async () => (await told()).join() === texts.join(), 60_000, `the notifications ${texts}`)
    await page.evaluate('hide(true)')
    await bob.sendTo(user.id, 'nobody is told')
    await counts(fay, 1)
    await page.getByRole('button', { name: 'Turn on notifications' }).click()
    await page.getByLabel('Play a sound').waitFor()
    await bob.send('desk', 'not for Fay alone')
    await bob.request({ type: 'send', room: 'desk', cid: 'call', text: 'Fay?', mentions: [user.id] })
    await isTold(['desk: Gil: Fay?'])
    await counts(fay, 3)
    await page.evaluate('hide(false)')
    await counts(fay, 1)
    t.equal(await fay.log.locator('.row:has(.separator.new) .text').textContent(), 'not for Fay alone')
    t.equal(await page.evaluate('sounds'), 1)

    await page.getByLabel('Play a sound').uncheck()
    await page.evaluate('hide(true)')
    await bob.sendTo(user.id, 'between us')
    await isTold(['desk: Gil: Fay?', 'Gil: between us'])
    await page.evaluate('hide(false)')
    await bob.sendTo(user.id, 'Fay is here')
    await counts(fay, 3)
    await page.evaluate('notifications.at(-1).onclick()')
    await fay.shows(['nobody is told', 'between us', 'Fay is here'])
    await counts(fay, 0)
    t.equal((await told()).length, 2)
    t.equal(await page.evaluate('sounds'), 1)
    t.same(fay.problems, [])
  },
)
