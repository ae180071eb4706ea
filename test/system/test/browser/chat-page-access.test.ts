import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  inForm,
  noRateLimits,
  startService,
  until,
} from '@rabble/harness'
import t from 'tap'
import { launchBrowser, listen, openChat } from '../browser.ts'
import { axe, checkView, pictures } from '../check-view.ts'
import { goTo } from '../focus.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { ...noRateLimits, DATA_DIR: dataFolder(t) })

const phone = { width: 390, height: 844 }
const desktop = { width: 1440, height: 900 }
const all: { name: string; colorScheme: 'light' | 'dark'; viewport: typeof phone }[] = [
  { name: 'on a phone, dark', colorScheme: 'dark', viewport: phone },
  { name: 'on a desktop, light', colorScheme: 'light', viewport: desktop },
  { name: 'on a phone, light', colorScheme: 'light', viewport: phone },
  { name: 'on a desktop, dark', colorScheme: 'dark', viewport: desktop },
]
/** Looks to test: usually only the phone, which has the most views. All of them for pictures. */
const looks = pictures === undefined ? inForm(all.slice(0, 1), all) : all

for (const { name, ...look } of looks) {
  t.test(`every view is free of barriers that a program can find: ${name}`, async (t) => {
    const narrow = look.viewport === phone
    const n = looks.findIndex((other) => other.name === name)
    const [guest, room] = [`Guest ${n}`, `talk-${n}`]
    // A new client for each look: a server that was frozen for long may have lost its clients.
    const talker = await connectChat(t, rabble.url, { name: `Talker ${n}` })
    await talker.join(room)
    await talker.send(room, 'Good morning, see https://example.com/ for more')
    await talker.send(room, 'مرحبا بالعالم')
    for (let line = 0; line < 30; line++) await talker.send(room, `line ${line}`)
    await talker.send(room, `a long one ${'and so on '.repeat(200)}`)
    const person = await openChat(t, browser, `${rabble.url}/#${room}`, { ...look, script: axe })
    const { page } = person
    const check = (view: string) => checkView(t, person, view, name)

    await page.getByRole('textbox', { name: 'Your name' }).waitFor()
    await check('the sign-in')
    await page.getByRole('textbox', { name: 'Your name' }).fill('System')
    await page.keyboard.press('Enter')
    await page
      .getByRole('alert')
      .getByText(/^A name/)
      .waitFor()
    await check('the sign-in with a problem')
    await person.enter(guest)
    await person.sees('line 29')
    await check('a conversation')

    await person.write('mine')
    await person.press('mine', 'Edit')
    await check('a conversation, editing')
    await person.messageBox.press('Escape')
    await person.press('line 28', 'Reply')
    await page.getByText('Replying to').waitFor()
    await check('a conversation, replying')
    await person.write('an answer')
    await person.sees('an answer')
    await person.press('mine', 'Delete')
    await check('the question before a deletion')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByText('deleted', { exact: true }).first().waitFor()
    await page.getByRole('button', { name: 'About the room' }).click()
    await page.getByRole('dialog').getByText('Open to everybody.').waitFor()
    await check('about the room')
    await page.keyboard.press('Escape')

    if (narrow) {
      await page.getByRole('button', { name: 'People' }).click()
      await page.getByRole('dialog', { name: 'People' }).getByText(guest).waitFor()
      await check('the drawer of people')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Rooms', exact: true }).click()
      await check('the drawer of rooms')
      await page.keyboard.press('Escape')
    }

    await page.goto(`${rabble.url}/#empty-${n}`)
    await page.getByText('Nobody has said anything yet.').waitFor()
    await check('an empty room')
    await page.goto(`${rabble.url}/#no%2Fsuch`)
    await page
      .getByRole('alert')
      .getByText(/^You are not in/)
      .waitFor()
    await check('a room that can’t be entered')
    const user = talker.user?.id ?? ''
    await page.goto(`${rabble.url}/#@${user}`)
    await page.getByRole('button', { name: 'About the conversation' }).waitFor()
    await person.write('between us')
    await person.sees('between us')
    await check('direct messages')

    await page.goto(`${rabble.url}/#/rooms`)
    await page.getByRole('list', { name: 'Rooms' }).getByRole('link', { name: room }).waitFor()
    await check('all rooms')
    await page.getByRole('main').getByRole('button', { name: 'Create a room' }).click()
    await page.getByRole('button', { name: 'Create the room' }).click()
    await page.getByRole('dialog').getByRole('alert').getByText(/\w/).waitFor()
    await check('creating a room, with a problem')
    await page.getByLabel('Name of the room').fill(`own ${guest}`)
    await page.getByRole('button', { name: 'Create the room' }).click()
    await page.getByRole('heading', { level: 1, name: `own ${guest}` }).waitFor()
    await page.getByRole('button', { name: 'About the room' }).click()
    await page.getByRole('button', { name: 'Save' }).waitFor()
    await check('settings of a room')
    await page.keyboard.press('Escape')

    await page.goto(`${rabble.url}/#${room}`)
    if (narrow) await page.getByRole('button', { name: 'Rooms', exact: true }).click()
    await page.getByRole('button', { name: 'New direct message' }).click()
    const direct = page.getByRole('dialog', { name: 'New direct message' })
    await direct.getByLabel('Name').fill(`Talker ${n}`)
    await direct.getByRole('button', { name: new RegExp(`^Talker ${n}`) }).waitFor()
    await check('a new direct message')
    await page.keyboard.press('Escape')
    if (narrow) await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'About the room' }).click()
    await page.getByLabel('Go to a date').fill(new Date(Date.now() - 86_400_000).toISOString().slice(0, 10))
    await page.getByRole('button', { name: 'Go', exact: true }).click()
    await page.getByText('You are reading earlier messages').waitFor()
    await check('what was said earlier')
    await page.getByRole('button', { name: 'To the newest' }).click()

    await page.goto(`${rabble.url}/#/search?q=line&room=${room}`)
    const found = async () => {
      // The search lags a moment behind.
      await page.getByRole('button', { name: 'Search', exact: true }).click()
      await page.getByText(/^\d+ messages$/).waitFor({ timeout: 5_000 })
      return true
    }
    await until(found, 60_000, 'the search to find them')
    await check('search')
    await page.goto(`${rabble.url}/#/live`)
    await page.getByRole('table').waitFor()
    await check('the gateways')

    await page.goto(`${rabble.url}/#${room}`)
    await person.sees('line 29')
    await person.log.evaluate((element) => {
      element.scrollTop -= 400
    })
    await page.getByRole('button', { name: 'To the newest' }).waitFor()
    await talker.send(room, 'something new')
    await page.getByRole('button', { name: '1 new message' }).waitFor()
    await check('a conversation with something new')
    t.teardown(() => rabble.thaw())
    rabble.freeze()
    // An open WebSocket reports no failure, but the page checks its connection when the network changes.
    await page.context().setOffline(true)
    await page.context().setOffline(false)
    await page.locator('.banner').waitFor()
    await person.write('unsent')
    await page.locator('.unsent').waitFor()
    await check('a conversation without a connection')
    rabble.thaw()
    await page.locator('.unsent').waitFor({ state: 'detached' })
    t.same(person.problems, [])
  })

  t.test(`so is what is seen when a message or the user is refused: ${name}`, async (t) => {
    const person = await openChat(t, browser, 'about:blank', { ...look, script: axe })
    const { page } = person
    // The proxy simulates a user who is muted, and then banned.
    await page.routeWebSocket(/.*/, (socket) => {
      const server = socket.connectToServer()
      socket.onMessage((data) => {
        const { type, ref, text } = JSON.parse(String(data))
        const error = { type: 'error', ref, code: 'forbidden', message: 'you are muted here' }
        if (text === 'refuse me') socket.send(JSON.stringify(error))
        else if (text === 'ban me') socket.close({ code: 1008, reason: 'you are banned' })
        else if (type !== 'typing') server.send(data)
      })
    })
    await page.goto(`${rabble.url}/#refused-${look.colorScheme}-${look.viewport.width}`)
    await person.enter(`Refused ${look.colorScheme} ${look.viewport.width}`)
    await person.write('taken')
    await person.message('taken').waitFor()
    await person.write('refuse me')
    await page.getByText(/^Not sent: you are muted here/).waitFor()
    await checkView(t, person, 'a message that was refused', name)
    await person.write('ban me')
    await page.getByText('Disconnected: you are banned').waitFor()
    await checkView(t, person, 'a session that has ended', name)
    await page.getByRole('button', { name: 'Go to sign-in' }).click()
    await page.getByRole('dialog', { name: 'Sign out?' }).waitFor()
    await checkView(t, person, 'the question before what is unsent is lost', name)
    t.same(person.problems, [])
  })
}

t.test('all can be done with the keyboard alone', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Bob' })
  await bob.join('general')
  const ada = await openChat(t, browser, rabble.url)
  const { page } = ada
  const { keyboard } = page
  await goTo(ada, page.getByRole('textbox', { name: 'Your name' }))
  await keyboard.type('Ada')
  await keyboard.press('Enter')
  await goTo(ada, ada.messageBox)
  await keyboard.type('the first')
  await keyboard.press('Enter')
  await ada.message('the first').waitFor()
  await bob.send('general', 'a question')
  await ada.message('a question').waitFor()

  /** Waits until the message box has the focus, which it gets a moment after a room was entered. */
  const isToWrite = () =>
    until(
      () => ada.messageBox.evaluate((element) => element.matches(':focus')),
      60_000,
      'the focus to be where one writes',
    )
  const row = (text: string) => page.locator(`.row[data-id]:has(.text:text-is("${text}"))`)
  const action = (text: string, name: string) => row(text).getByRole('button', { name })
  await goTo(ada, row('a question'), 'Shift+Tab')
  await goTo(ada, action('a question', 'Reply'))
  await keyboard.press('Enter')
  await goTo(ada, ada.messageBox)
  await keyboard.type('the answer')
  await keyboard.press('Enter')
  await ada
    .message('the answer')
    .getByRole('button', { name: /^In reply to Bob a question/ })
    .waitFor()

  await goTo(ada, row('the answer'), 'Shift+Tab')
  await goTo(ada, row('the first'), 'ArrowUp')
  await goTo(ada, row('a question'), 'ArrowDown')
  await goTo(ada, row('the first'), 'ArrowUp')
  await goTo(ada, action('the first', 'Edit'))
  await keyboard.press('Enter')
  await goTo(ada, ada.messageBox)
  t.equal(await ada.messageBox.inputValue(), 'the first')
  await keyboard.press('End')
  await keyboard.type(' of all')
  await keyboard.press('Enter')
  await ada.message('the first of all').waitFor()

  // Tab enters the list at the row where it was left.
  await goTo(ada, row('the first of all'), 'Shift+Tab')
  await goTo(ada, row('the answer'), 'ArrowDown')
  await goTo(ada, action('the answer', 'Delete'))
  await keyboard.press('Enter')
  await goTo(ada, page.getByRole('dialog').getByRole('button', { name: 'Delete' }))
  await keyboard.press('Enter')
  await ada.tells(['(edited)', 'deleted'])

  // A room is never made by its name alone.
  await goTo(ada, page.getByRole('button', { name: 'Go to…' }))
  await keyboard.press('Enter')
  await keyboard.type('den')
  await page.getByRole('option', { name: 'Create room “den”…', selected: true }).waitFor()
  await keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'Create a room' }).waitFor()
  t.equal(await page.locator(':focus').inputValue(), 'den')
  await keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'den' }).waitFor()
  await isToWrite()
  await goTo(ada, page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'general' }))
  await keyboard.press('Enter')
  await ada.sees('the first of all')
  await isToWrite()
  await goTo(ada, page.getByRole('button', { name: /^Your menu/ }))
  await keyboard.press('Enter')
  await goTo(ada, page.getByRole('button', { name: 'Sign out' }))
  await keyboard.press('Enter')
  await page.getByRole('textbox', { name: 'Your name' }).waitFor()
  t.same(ada.problems, [])
})

t.test('a screen reader is told what others say, and not what was there before', async (t) => {
  const dan = await connectChat(t, rabble.url, { name: 'Dan' })
  await dan.join('spoken')
  await dan.send('spoken', 'long ago')
  const eve = await openChat(t, browser, `${rabble.url}/#spoken`)
  // An announcement stays for only a few seconds.
  const spoken = await listen(eve.page, '[aria-live="polite"]')
  const heard = async () => (await spoken()).filter((text) => text !== '')
  await eve.enter('Eve')
  await eve.sees('long ago')
  await eve.write('of my own')
  await eve.message('of my own').waitFor()
  await dan.send('spoken', 'just now')
  await until(async () => (await heard()).length > 0, 60_000, 'something to be said')
  t.same(await heard(), ['\u2068Dan\u2069: just now'])
  t.same(eve.problems, [])
})
