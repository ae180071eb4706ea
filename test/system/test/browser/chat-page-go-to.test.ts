import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  noRateLimits,
  startService,
  until,
} from '@rabble/harness'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchBrowser, openChat } from '../browser.ts'
import { axe, checkView } from '../check-view.ts'
import { hasFocus } from '../focus.ts'
import { startOwner } from '../room-owner.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { ...noRateLimits, DATA_DIR: dataFolder(t) })

const phone = { viewport: { width: 390, height: 844 }, isMobile: true } as const

function isAt(page: Page, title: string): Promise<void> {
  return page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor()
}

/** Waits until the box offers exactly these places, of which the `*` is active. */
async function offers(page: Page, wanted: readonly string[]): Promise<void> {
  let shown: string[] = []
  const read = () =>
    page
      .getByRole('option')
      .evaluateAll((all) =>
        all.map(
          (one) =>
            `${one.getAttribute('aria-selected') === 'true' ? '*' : ''}${one.querySelector('.room-name')?.textContent}`,
        ),
      )
  const isSo = async () => {
    shown = await read()
    return shown.join('\n') === wanted.join('\n')
  }
  await until(isSo, 60_000, `the places ${wanted.join(', ')}`).catch((error: Error) => {
    throw new Error(`${error.message}: ${shown.join(', ')}`)
  })
}

const ada = await openChat(t, browser, `${rabble.url}/#start`, { script: axe })
await ada.enter('Ada')

t.test('one box leads to conversations, rooms, people and messages, by the keyboard', async (t) => {
  await startOwner(t, rabble.url, 'Owner', { 'garden party': '', 'Garden tools': 'Rakes and such' })
  const bob = await connectChat(t, rabble.url, { name: 'Gardner' })
  await bob.join('start')
  const { page } = ada
  const { keyboard } = page
  await page.locator('#people-list').getByText('Gardner').waitFor()
  await ada.go('guard')
  await ada.go('start')
  // Known only as a conversation from now on: it was not created.
  await bob.join('guard')
  await bob.send('guard', 'news')
  const link = page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: /^guard/ })
  await link.getByText('1').waitFor()
  await hasFocus(ada.messageBox)

  await keyboard.press('Control+k')
  // The box gets all that is typed at once, also before its list is loaded.
  await keyboard.type('gard')
  const box = page.getByRole('combobox', { name: 'Room, person or message' })
  t.equal(await box.inputValue(), 'gard')
  t.equal(await ada.messageBox.inputValue(), '')
  await offers(page, [
    '*Garden tools',
    'garden party',
    'Gardner',
    'Create room “gard”…',
    'Search messages for “gard”',
  ])
  await checkView(t, ada, 'the box for going anywhere', 'on a desktop, light')
  await keyboard.press('ArrowUp')
  await keyboard.press('ArrowUp')
  await keyboard.press('ArrowUp')
  await page.getByRole('option', { name: /^Gardner/, selected: true }).waitFor()
  t.equal(
    await box.getAttribute('aria-activedescendant'),
    await page.getByRole('option', { name: /^Gardner/ }).getAttribute('id'),
  )
  await keyboard.press('Enter')
  await isAt(page, 'Gardner')

  await keyboard.press('Control+k')
  await offers(page, ['*guard', 'start', 'Garden tools', 'garden party', 'Search messages'])
  await keyboard.press('Escape')
  await box.waitFor({ state: 'detached' })
  await hasFocus(ada.messageBox)

  // Enter waits for the answer of the server, and takes what it found rather than what is there without it.
  let arrive!: () => void
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  await page.route(/\/api\/rooms\?/, async (route) => {
    await arrived
    // The page may have given up this request by now.
    await route.continue().catch(() => {})
  })
  const asked = page.waitForRequest(/\/api\/rooms\?q=rakes/)
  await keyboard.press('Control+k')
  await keyboard.type('rakes')
  await keyboard.press('Enter')
  await asked
  await offers(page, ['Search messages for “rakes”'])
  arrive()
  await isAt(page, 'Garden tools')
  await page.unroute(/\/api\/rooms\?/)

  await keyboard.press('Control+k')
  await keyboard.type('lost words')
  await offers(page, ['*Create room “lost words”…', 'Search messages for “lost words”'])
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await isAt(page, 'Search')
  t.equal(await page.getByRole('searchbox', { name: 'Words to search for' }).inputValue(), 'lost words')
  t.same(ada.problems, [])
})

t.test('a room of a new name is made only after its dialog', async (t) => {
  const eve = await openChat(t, browser, `${rabble.url}/#start`, { ...phone, script: axe })
  const { page } = eve
  await eve.enter('Eve')
  await page.getByRole('button', { name: 'Go to…' }).click()
  await page.getByRole('combobox').fill('brand new')
  await page.getByRole('option', { name: 'Create room “brand new”…' }).waitFor()
  await checkView(t, eve, 'the box for going anywhere', 'on a phone, light')
  await page.getByRole('option', { name: 'Create room “brand new”…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Create a room' })
  const name = dialog.getByLabel('Name of the room')
  await hasFocus(name)
  t.equal(await name.inputValue(), 'brand new')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  const there = async () => (await fetch(`${rabble.url}/api/rooms/brand%20new`)).status
  t.equal(await there(), 404)
  await hasFocus(page.getByRole('button', { name: 'Go to…' }))

  // Also from the drawer.
  await page.getByRole('button', { name: 'Rooms', exact: true }).click()
  await page.getByRole('dialog', { name: 'Rooms' }).getByRole('button', { name: 'Go to…' }).click()
  await page.getByRole('combobox').fill('brand new')
  await page.getByRole('option', { name: 'Create room “brand new”…' }).click()
  await dialog.getByRole('button', { name: 'Create the room' }).click()
  await isAt(page, 'brand new')
  t.equal(await there(), 200)
  t.equal(await page.getByRole('dialog').count(), 0)
  t.same(eve.problems, [])
})

t.test('shortcuts lead through the conversations, and are listed', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Ben' })
  const fay = await openChat(t, browser, `${rabble.url}/#room a`, { script: axe })
  const { page, messageBox } = fay
  const { keyboard } = page
  await fay.enter('Fay')
  await isAt(page, 'room a')
  for (const room of ['room 10', 'room 9']) await fay.go(room)
  const titles = async () => (await page.locator('.room-list .room-name').allTextContents()).join()
  await until(async () => (await titles()) === 'room 9,room 10,room a', 60_000, 'the rooms, by their numbers')
  await bob.join('room a')
  await bob.send('room a', 'unread')
  await page
    .getByRole('link', { name: /^room a/ })
    .getByText('1')
    .waitFor()

  await hasFocus(messageBox)
  await messageBox.fill('a draft')
  await keyboard.press('Alt+ArrowDown')
  await isAt(page, 'room 10')
  await keyboard.press('Alt+ArrowUp')
  await isAt(page, 'room 9')
  t.equal(await messageBox.inputValue(), 'a draft')
  await keyboard.press('Alt+Shift+ArrowDown')
  await isAt(page, 'room a')
  await fay.sees('unread')

  // A character is a shortcut only outside of text fields.
  await hasFocus(messageBox)
  await keyboard.type('?')
  t.equal(await messageBox.inputValue(), '?')
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
  t.equal(await help.count(), 0)
  await messageBox.fill('')
  await fay.page.locator('.row[data-id]').last().focus()
  await keyboard.press('?')
  await help.getByText('Go to a room, a person or a message').waitFor()
  await checkView(t, fay, 'the shortcuts', 'on a desktop, light')
  await help.getByRole('checkbox', { name: /^Shortcuts of a single character/ }).uncheck()
  await keyboard.press('Escape')
  await help.waitFor({ state: 'detached' })
  await page.reload()
  await fay.sees('unread')
  await page.locator('.row[data-id]').last().focus()
  await keyboard.press('r')
  await keyboard.press('?')
  t.equal(await help.count(), 0, 'a character does nothing after it was turned off')
  t.equal(await page.getByText('Replying to').count(), 0)
  await keyboard.press('Control+/')
  await help.getByRole('checkbox', { name: /^Shortcuts of a single character/ }).check()
  await keyboard.press('Escape')
  await help.waitFor({ state: 'detached' })

  await page.locator('.row[data-id]').last().focus()
  await keyboard.press('r')
  await page.getByText('Replying to').waitFor()
  await hasFocus(messageBox)
  t.equal(await messageBox.inputValue(), '')
  await keyboard.press('Escape')
  await page.getByText('Replying to').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).click()
  await help.getByText('Previous conversation', { exact: true }).waitFor()
  await keyboard.press('Escape')
  await hasFocus(page.getByRole('button', { name: /^Your menu/ }))
  t.same(fay.problems, [])
})

t.test('what is typed at once after the arrow took a message to edit is not lost', async (t) => {
  await ada.go('quick')
  await ada.write('done')
  await ada.message('done').waitFor()
  await ada.messageBox.evaluate(async (element) => {
    const box = element as HTMLTextAreaElement
    box.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true, cancelable: true }))
    // The page is updated by then, but not painted.
    await new Promise((resolve) => setTimeout(resolve, 0))
    box.value += '!'
    box.dispatchEvent(new InputEvent('input', { bubbles: true }))
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 200)))
  })
  t.equal(await ada.messageBox.inputValue(), 'done!')
  t.same(ada.problems, [])
})
