import { assertNothingLeft, connectChat, dataFolder, startService, until } from '@rabble/harness'
import type { Locator } from 'playwright-core'
import t from 'tap'
import { launchBrowser, listen, openChat, type Person } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { DATA_DIR: dataFolder(t) })

/** Presses a key until an element has the focus. Default key: Tab. */
function goTo({ page }: Person, wanted: Locator, key = 'Tab'): Promise<void> {
  const isThere = async () => {
    if ((await wanted.isVisible()) && (await wanted.evaluate((element) => element.matches(':focus'))))
      return true
    await page.keyboard.press(key)
    return false
  }
  return until(isThere, 60_000, `${key} to lead to ${wanted}`)
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

t.test('what is typed at once after the arrow took a message to edit is not lost', async (t) => {
  const fay = await openChat(t, browser, `${rabble.url}/#quick`)
  await fay.enter('Fay')
  await fay.write('done')
  await fay.message('done').waitFor()
  await fay.messageBox.evaluate(async (element) => {
    const box = element as HTMLTextAreaElement
    box.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true, cancelable: true }))
    // The page is updated by then, but not painted.
    await new Promise((resolve) => setTimeout(resolve, 0))
    box.value += '!'
    box.dispatchEvent(new InputEvent('input', { bubbles: true }))
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 200)))
  })
  t.equal(await fay.messageBox.inputValue(), 'done!')
  t.same(fay.problems, [])
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
