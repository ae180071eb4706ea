import { assertNothingLeft, dataFolder, noRateLimits, startService, until } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { axe, checkView } from '../check-view.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { ...noRateLimits, DATA_DIR: dataFolder(t) })

const phone = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' } as const

/** Waits until the reactions to a message are exactly these, each as the emoji with its count; own ones have a `*`. */
function reacts(person: Person, text: string, wanted: string): Promise<void> {
  const shown = () =>
    person
      .message(text)
      .locator('.reaction:not(.underway)')
      .evaluateAll((all) =>
        all
          .map((one) => `${one.textContent}${one.getAttribute('aria-pressed') === 'true' ? '*' : ''}`)
          .join(', '),
      )
  return until(async () => (await shown()) === wanted, 60_000, `the reactions ${wanted}`)
}

t.test(
  'a click reacts to a message, another one takes that back, and everybody sees the counts',
  async (t) => {
    const ada = await openChat(t, browser, `${rabble.url}/#talk`, { script: axe })
    const bob = await openChat(t, browser, `${rabble.url}/#talk`, { ...phone, script: axe })
    await ada.enter('Ada')
    await bob.enter('Bob')
    await ada.write('It works.')
    await bob.sees('It works.')

    // Bob with the mouse, to a message of another person.
    await bob.press('It works.', 'Add reaction')
    const picker = bob.page.getByRole('dialog', { name: 'Add reaction' })
    await picker.getByRole('button', { name: 'party popper' }).waitFor()
    await checkView(t, bob, 'the picker of reactions', 'on a phone, dark')
    await picker.getByRole('button', { name: 'party popper' }).click()
    await reacts(bob, 'It works.', '🎉 1*')
    await reacts(ada, 'It works.', '🎉 1')

    // Ada with the keyboard, to her own message.
    const { keyboard } = ada.page
    const own = ada.message('It works.').getByRole('button', { name: 'Add reaction' })
    await ada.press('It works.', 'Add reaction')
    await ada.page.getByRole('searchbox', { name: 'Search emoji' }).waitFor()
    await keyboard.press('ArrowDown')
    const focused = () => ada.page.evaluate('document.activeElement.getAttribute("aria-label")')
    const first = await focused()
    await keyboard.press('ArrowDown')
    await keyboard.press('ArrowRight')
    await keyboard.press('ArrowUp')
    await keyboard.press('ArrowLeft')
    t.equal(await focused(), first, 'the arrow keys move in the grid')
    await keyboard.press('Escape')
    await until(() => own.evaluate((button) => button.matches(':focus')), 60_000, 'the focus to come back')
    await keyboard.press('Enter')
    await ada.page.getByRole('searchbox', { name: 'Search emoji' }).waitFor()
    await keyboard.type('launch')
    await keyboard.press('Enter')
    await reacts(ada, 'It works.', '🎉 1, 🚀 1*')

    await ada.message('It works.').getByRole('button', { name: /^🎉 1/ }).click()
    await reacts(bob, 'It works.', '🎉 2*, 🚀 1')
    const title = () => bob.message('It works.').locator('.reaction').first().getAttribute('title')
    t.equal(await title(), 'you and \u2068Ada\u2069')
    await checkView(t, ada, 'reactions', 'on a desktop, light')
    await checkView(t, bob, 'reactions', 'on a phone, dark')
    await bob.message('It works.').getByRole('button', { name: /^🎉 2/ }).click()
    for (const person of [ada, bob]) {
      await reacts(person, 'It works.', person === ada ? '🎉 1*, 🚀 1*' : '🎉 1, 🚀 1')
      await person.page.reload()
      await reacts(person, 'It works.', person === ada ? '🎉 1*, 🚀 1*' : '🎉 1, 🚀 1')
    }
    t.same([...ada.problems, ...bob.problems], [])
  },
)
