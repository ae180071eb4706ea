import { readFileSync } from 'node:fs'
import { assertNothingLeft, dataFolder, inForm, noRateLimits, startService, until } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat, type PageOptions, type Person } from '../browser.ts'
import { axe, checkView, pictures } from '../check-view.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { ...noRateLimits, DATA_DIR: dataFolder(t) })

const desktop = { width: 1280, height: 800 }
const phone = { width: 390, height: 844 }
const looks = (['light', 'dark'] as const).flatMap((colorScheme) => [
  { name: `on a desktop, ${colorScheme}`, colorScheme, viewport: desktop },
  { name: `on a phone, ${colorScheme}`, colorScheme, viewport: phone },
])

/** Checks a view as the page is or, in the long form and for pictures, in all looks. */
async function check(t: Parameters<typeof checkView>[0], person: Person, view: string): Promise<void> {
  const { page } = person
  if (pictures === undefined && inForm(true, false)) return checkView(t, person, view, 'as it is')
  for (const { name, colorScheme, viewport } of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(viewport)
    await checkView(t, person, view, name)
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(desktop)
}

/** Opens the page for somebody. */
async function enter(
  t: Parameters<typeof openChat>[0],
  name: string,
  options: PageOptions = {},
): Promise<Person> {
  const look = { viewport: desktop, script: axe, ...options }
  const person = await openChat(t, browser, `${rabble.url}/#lobby`, look)
  await person.enter(name)
  return person
}

/** Opens a dialog by the user's menu. */
async function choose({ page }: Person, item: string): Promise<void> {
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByRole('button', { name: item }).click()
}

/** Sets a choice in the dialog "Privacy", and closes it. */
async function show({ page }: Person, what: string, is: boolean): Promise<void> {
  await page.getByLabel(what).setChecked(is)
  await page.getByRole('dialog', { name: 'Privacy' }).getByText('Saved.').waitFor()
  await page.keyboard.press('Escape')
}

const ada = await enter(t, 'Ada')
const bob = await enter(t, 'Bob')

t.test(
  'in a room its members see who has read their messages, unless a reader or the owner hides it',
  async (t) => {
    await ada.page.getByRole('button', { name: 'Create a room' }).click()
    const create = ada.page.getByRole('dialog', { name: 'Create a room' })
    await create.getByLabel('Name of the room').fill('team')
    t.ok(await create.getByLabel('Members see how far').isChecked())
    await check(t, ada, 'a new room')
    await create.getByRole('button', { name: 'Create the room' }).click()
    await ada.page.getByRole('heading', { level: 1, name: 'team' }).waitFor()
    await bob.go('team')
    await ada.write('first')
    await bob.sees('first')
    const seen = ada.log.locator('.seen')
    await ada.message('first').getByRole('button', { name: 'Seen by 1' }).waitFor()
    await bob.go('lobby')
    await ada.write('second')
    await ada.message('second').waitFor()
    t.equal(await seen.count(), 1)
    await bob.go('team')
    const names = ada.message('second').getByRole('button', { name: 'Seen by 1' })
    await names.waitFor()
    t.equal(await seen.count(), 1, 'only at the newest message that Bob has read')
    t.match(await names.getAttribute('title'), 'Bob')
    await names.click()
    await ada.message('second').locator('.seen').getByText('Bob').waitFor()
    await check(t, ada, 'a room with what is seen')

    await choose(bob, 'Privacy')
    const first = bob.page.getByLabel('Show others what I have read')
    await first.waitFor()
    t.ok(await first.evaluate((box) => box === document.activeElement), 'the first choice has the focus')
    await check(t, bob, 'privacy')
    await show(bob, 'Show others what I have read', false)
    await seen.waitFor({ state: 'detached' })
    await choose(bob, 'Privacy')
    await show(bob, 'Show others what I have read', true)
    await ada.write('third')
    await ada.message('third').getByRole('button', { name: 'Seen by 1' }).waitFor()

    await ada.page.getByRole('button', { name: 'About the room' }).click()
    const about = ada.page.getByRole('dialog', { name: 'team' })
    await about.getByLabel('Members see how far').uncheck()
    await about.getByRole('button', { name: 'Save' }).click()
    await about.getByText('Saved.').waitFor()
    await seen.waitFor({ state: 'detached' })
    await check(t, ada, 'settings of the room')
    await ada.page.keyboard.press('Escape')

    await bob.messageBox.pressSequentially('@roo')
    await bob.messageBox.press('End')
    t.equal(await bob.page.getByRole('option').count(), 0, 'others may not mention all')
    await bob.messageBox.fill('')
    await bob.go('lobby')
    await ada.messageBox.pressSequentially('@ro')
    const offer = ada.page.getByRole('option', { name: /^@room/ })
    await offer.getByText('Notifies everybody in the room.').waitFor()
    await check(t, ada, 'the offer to mention all')
    await ada.messageBox.press('Enter')
    await ada.page.locator('#composer-hint').getByText('Notifies everybody in the room.').waitFor()
    await ada.messageBox.pressSequentially('lunch?')
    await ada.messageBox.press('Enter')
    await ada.message('@room lunch?').locator('.mention').waitFor()
    const news = bob.page
      .getByRole('navigation', { name: 'Rooms' })
      .getByRole('link', { name: /team.*1 mention/ })
    await news.click()
    await bob.log.locator('.mentions-me').getByText('lunch?').waitFor()
    for (const one of [ada, bob]) t.same(one.problems, [])
  },
)

t.test(
  'people who write directly see when the other one has read and is here, unless that is hidden',
  async (t) => {
    for (const person of [ada, bob]) await person.go('lobby')
    await ada.page.locator('#people-list').getByRole('link', { name: 'Bob' }).click()
    await ada.page.getByRole('heading', { level: 1, name: 'Bob' }).waitFor()
    const note = ada.page.locator('.page-title .quiet')
    await note.getByText('Direct messages').waitFor()
    await ada.write('between us')
    await ada.message('between us').waitFor()
    await note.getByText('Online').waitFor()
    t.equal(await ada.log.locator('.seen').count(), 0)
    const rooms = (person: Person) => person.page.getByRole('navigation', { name: 'Rooms' })
    await rooms(bob)
      .getByRole('link', { name: /Ada Online/ })
      .click()
    await ada.message('between us').getByText('Seen', { exact: true }).waitFor()
    await check(t, ada, 'direct messages with what is seen')

    await choose(bob, 'Privacy')
    await show(bob, 'Show when I am online', false)
    await note.getByText('Direct messages').waitFor()
    t.equal(await ada.page.locator('.presence').count(), 0)
    await choose(bob, 'Privacy')
    await show(bob, 'Show when I am online', true)
    // Ada's page asks again after it has connected.
    await ada.page.reload()
    await note.getByText('Online').waitFor()
    await bob.page.close()
    await note.getByText(/^Last seen 1 minute ago/).waitFor()
    await rooms(ada)
      .getByRole('link', { name: /Bob Last seen/ })
      .waitFor()
    await check(t, ada, 'somebody who was here')
    t.same(ada.problems, [])
  },
)

t.test('a user takes the own data along, and is erased after confirming it by name', async (t) => {
  const cleo = await enter(t, 'Cleo', { viewport: phone, isMobile: true, colorScheme: 'dark' })
  await ada.go('lobby')
  await cleo.write('forget me')
  await ada.sees('forget me')
  const isStored = async () => {
    const response = await fetch(`${rabble.url}/api/rooms/lobby/messages`)
    return (await response.text()).includes('forget me')
  }
  await until(isStored, 60_000, 'history to have the message')
  await cleo.page.getByRole('button', { name: /^Your menu/ }).click()
  await check(t, cleo, 'the menu of the user')
  await cleo.page.getByRole('button', { name: 'Download my data' }).click()
  await check(t, cleo, 'a download')
  const saved = cleo.page.waitForEvent('download')
  await cleo.page.getByRole('button', { name: 'Download', exact: true }).click()
  await cleo.page.getByText(/^The file is complete, with \d+ message/).waitFor()
  const file = readFileSync(await (await saved).path(), 'utf8')
  t.match(file, 'forget me')
  t.match(file.trimEnd().split('\n').at(-1), /^{"type":"end"/)
  await cleo.page.keyboard.press('Escape')

  await choose(cleo, 'Erase my account')
  const dialog = cleo.page.getByRole('dialog', { name: 'Erase my account' })
  const name = dialog.getByLabel(/^Write your name/)
  await name.fill('Ada')
  await name.press('Enter')
  await dialog.getByRole('alert').getByText('That is not your name.').waitFor()
  await check(t, cleo, 'an erasure')
  await name.fill(' Cleo')
  await name.press('Enter')
  await cleo.page.getByText(/^Your account is being erased/).waitFor()
  await cleo.page.getByRole('textbox', { name: 'Your name' }).waitFor()
  await check(t, cleo, 'the sign-in of an erased user')
  t.equal(await cleo.page.getByRole('textbox', { name: 'Your name' }).inputValue(), '')
  await ada.tells(['deleted'])
  await cleo.page.reload()
  await cleo.enter('Somebody')
  for (const one of [cleo, ada]) t.same(one.problems, [])
})
