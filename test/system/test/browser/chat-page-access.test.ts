import { assertNothingLeft, connectChat, inForm, noRateLimits, startCluster, until } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat } from '../browser.ts'
import { axe, checkView, pictures } from '../check-view.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const cluster = await startCluster(t, { env: noRateLimits })

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
    // A new client for each look: gateways that were frozen for long may have lost their clients.
    const talker = await connectChat(t, cluster.url, { name: `Talker ${n}` })
    await talker.join(room)
    await talker.send(room, 'Good morning, see https://example.com/ for more')
    await talker.send(room, 'مرحبا بالعالم')
    for (let line = 0; line < 30; line++) await talker.send(room, `line ${line}`)
    await talker.send(room, `a long one ${'and so on '.repeat(200)}`)
    const person = await openChat(t, browser, `${cluster.url}/#${room}`, { ...look, script: axe })
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

    await page.goto(`${cluster.url}/#empty-${n}`)
    await page.getByText('Nobody has said anything yet.').waitFor()
    await check('an empty room')
    await page.goto(`${cluster.url}/#no%2Fsuch`)
    await page
      .getByRole('alert')
      .getByText(/^You are not in/)
      .waitFor()
    await check('a room that can’t be entered')
    const user = talker.user?.id ?? ''
    await page.goto(`${cluster.url}/#@${user}`)
    await page.getByRole('button', { name: 'About the conversation' }).waitFor()
    await person.write('between us')
    await person.sees('between us')
    await check('direct messages')

    await page.goto(`${cluster.url}/#/rooms`)
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

    await page.goto(`${cluster.url}/#${room}`)
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

    await page.goto(`${cluster.url}/#/search?q=line&room=${room}`)
    const found = async () => {
      // The search lags a moment behind.
      await page.getByRole('button', { name: 'Search', exact: true }).click()
      await page.getByText(/^\d+ messages$/).waitFor({ timeout: 5_000 })
      return true
    }
    await until(found, 60_000, 'the search to find them')
    await check('search')
    await page.goto(`${cluster.url}/#/live`)
    await page.getByRole('table').waitFor()
    await check('the gateways')

    await page.goto(`${cluster.url}/#${room}`)
    await person.sees('line 29')
    await person.log.evaluate((element) => {
      element.scrollTop -= 400
    })
    await page.getByRole('button', { name: 'To the newest' }).waitFor()
    await talker.send(room, 'something new')
    await page.getByRole('button', { name: '1 new message' }).waitFor()
    await check('a conversation with something new')
    for (const gateway of cluster.gateways) gateway.freeze()
    await page.context().setOffline(true)
    await page.reload().catch(() => {})
    await page.context().setOffline(false)
    await page.reload()
    await page.locator('.banner').waitFor()
    await person.write('unsent')
    await page.locator('.unsent').waitFor()
    await check('a conversation without a connection')
    for (const gateway of cluster.gateways) gateway.thaw()
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
    await page.goto(`${cluster.url}/#refused-${look.colorScheme}-${look.viewport.width}`)
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
