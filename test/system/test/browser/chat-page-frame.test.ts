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
import { launchBrowser, openChat, openPage } from '../browser.ts'
import { axe, checkOtherLook, checkView } from '../check-view.ts'
import { hasFocus } from '../focus.ts'
import { startOwner } from '../room-owner.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { ...noRateLimits, DATA_DIR: dataFolder(t) })

const phone = { viewport: { width: 390, height: 844 }, isMobile: true } as const

const ivy = await openChat(t, browser, `${rabble.url}/#hall`, { script: axe })
await ivy.enter('Ivy')
const hal = await openChat(t, browser, `${rabble.url}/#touch`, { ...phone, script: axe })
await hal.enter('Hal')

t.test('who wrote what is at the top is visible in a long run, and Escape leads to its end', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Writer' })
  await bob.join('long')
  for (let n = 1; n <= 60; n++) await bob.send('long', `line ${n}`)
  const { page, log } = ivy
  await ivy.go('long')
  await ivy.sees('line 60')
  const author = page.locator('.top-author')
  await author.getByText('Writer').waitFor()
  await checkView(t, ivy, 'a long run of one author', 'on a desktop, light')
  const isAtTop = async () => {
    // Older messages are loaded meanwhile.
    await log.evaluate((element) => {
      element.scrollTop = 0
    })
    return (await ivy.message('line 1').isVisible()) && (await author.count()) === 0
  }
  await until(isAtTop, 60_000, 'the name at the beginning to be visible')
  await page.getByRole('button', { name: 'To the newest' }).waitFor()
  await ivy.messageBox.focus()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'To the newest' }).waitFor({ state: 'detached' })
  await author.getByText('Writer').waitFor()
  t.same(ivy.problems, [])
})

t.test('the header has the topic, a link to copy and, for an owner, invitations', async (t) => {
  await startOwner(t, rabble.url, 'Host', { 'tea house': 'Milk first' })
  const guest = await connectChat(t, rabble.url, { name: 'Guest of tea' })
  const { page } = ivy
  await ivy.go('tea house')
  await page.locator('.page-head').getByText('Milk first').waitFor()
  t.equal(await page.getByRole('button', { name: 'Invite people' }).count(), 0)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('button', { name: 'Copy link' }).click()
  await page.getByText('The link is copied.').waitFor()
  t.equal(await page.evaluate('navigator.clipboard.readText()'), `${rabble.url}/#tea%20house`)

  await guest.join('tea house')
  await page.locator('#people-list').getByText('Guest of tea').waitFor()
  await page.getByRole('button', { name: 'Create a room' }).click()
  const dialog = page.getByRole('dialog', { name: 'Create a room' })
  await hasFocus(dialog.getByLabel('Name of the room'))
  await dialog.getByLabel('Name of the room').fill('back room')
  await dialog.getByLabel('Topic').fill('Quietly')
  await dialog.getByLabel('Invited people only').check()
  await dialog.getByRole('button', { name: 'Create the room' }).click()
  await page.getByRole('heading', { level: 1, name: 'back room' }).waitFor()
  await page.locator('.page-head').getByText('Quietly').waitFor()
  await page.getByRole('button', { name: 'Invite people' }).click()
  const invitation = page.getByRole('dialog', { name: 'Invite people' })
  await invitation.getByLabel('Invite').selectOption({ label: 'Guest of tea' })
  await invitation.getByRole('button', { name: 'Invite', exact: true }).click()
  await invitation.getByText(/is invited/).waitFor()
  await checkView(t, ivy, 'an invitation', 'on a desktop, light')
  // The gateway learns of it a moment later.
  await until(async () => (await guest.join('back room')).type === 'joined', 60_000, 'the guest to be in')
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'About the room' }).click()
  const about = page.getByRole('dialog', { name: 'back room' })
  await hasFocus(about.getByLabel('Topic'))
  await about.getByLabel('Topic').fill('Loudly')
  await about.getByRole('button', { name: 'Save' }).click()
  await page.locator('.page-head').getByText('Loudly').waitFor()
  t.same(ivy.problems, [])
})

t.test('what can be tapped on a phone is large enough for a finger', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Bea' })
  await bob.join('touch')
  const { id } = await bob.send('touch', 'a question')
  await bob.request({ type: 'send', room: 'touch', cid: 'answer', text: 'an answer', replyTo: id })
  await bob.request({ type: 'react', room: 'touch', id, emoji: '👍' })
  const { page } = hal
  await hal.write('mine')
  await hal.message('mine').waitFor()
  const check = async (view: string) => {
    t.same(await tooSmall(page), [], view)
    await checkOtherLook(t, hal, view, 'on a phone with a finger')
  }
  await hal.message('mine').locator('.said-by').click()
  await hal.message('mine').getByRole('button', { name: 'Reply' }).waitFor()
  await check('a conversation')
  await hal.showConnection(true)
  await check('the connection')
  await hal.showConnection(false)
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await check('the menu of the user')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Rooms', exact: true }).click()
  await check('the drawer of rooms')
  await page.getByRole('dialog', { name: 'Rooms' }).getByRole('button', { name: 'Create a room' }).click()
  await page.getByRole('dialog', { name: 'Create a room' }).waitFor()
  await check('creating a room')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'About the room' }).click()
  await page.getByRole('dialog').getByText('Open to everybody.').waitFor()
  await check('about the room')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Go to…' }).click()
  await page.getByRole('combobox').fill('touch')
  await page.getByRole('option', { name: /^touch/ }).waitFor()
  await check('the box for going anywhere')
  t.same(hal.problems, [])
})

t.test('the page speaks the language of the browser, until the user chooses another one', async (t) => {
  const talker = await connectChat(t, rabble.url, { name: 'Redner' })
  await talker.join('sprachen')
  await talker.send('sprachen', 'Guten Morgen')
  const options = { ...phone, locale: 'de-DE', script: axe }
  const person = await openPage(t, browser, `${rabble.url}/#sprachen`, options)
  const { page } = person
  const check = (view: string) => checkOtherLook(t, person, view, 'on a phone, in German')
  const lang = () => page.evaluate('[document.documentElement.lang, document.documentElement.dir].join()')
  await page.getByRole('textbox', { name: 'Eigener Name' }).waitFor()
  t.equal(await lang(), 'de,ltr')
  await check('the sign-in')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').getByText('Bitte einen Namen eingeben.').waitFor()
  await page.getByRole('textbox', { name: 'Eigener Name' }).fill('Heinz')
  await page.keyboard.press('Enter')
  const log = page.getByRole('log', { name: 'Nachrichten' })
  await log.getByText('Guten Morgen').waitFor()
  await log.getByText('Heute').waitFor()
  const moment = await log.locator('.said-by time').first().getAttribute('title')
  t.match(moment, /^\p{L}+tag|^Mittwoch/u, 'a date has the names of the language')
  t.match(moment, /, \d+\. \p{L}+ \d{4} um \d\d:\d\d:\d\d$/u)
  await check('a conversation')
  await page.goto(`${rabble.url}/#/live`)
  await page.getByText(/^(1 Sitzung|[2-9]\d* Sitzungen) auf 1 Gateway$/).waitFor()
  await page.getByRole('cell', { name: 'bereit' }).waitFor()
  await check('the gateways')
  const scrolls = await page.locator('.page-body').evaluate((body) => body.scrollWidth > body.clientWidth)
  t.notOk(scrolls, 'the table fits, though German words are longer')
  // The name is refused: the text for the error is German, with the reason of the server.
  await page.goto(`${rabble.url}/#no%2Fsuch`)
  await page.getByText(/^Kein Zugang zu .*: Der Server nimmt das nicht an \(.+\)\.$/).waitFor()

  await page.goto(`${rabble.url}/#sprachen`)
  await page.getByRole('textbox', { name: 'Nachricht' }).fill('Entwurf')
  await page.getByRole('button', { name: 'Eigenes Menü' }).click()
  await check('the menu')
  await page.getByLabel('Sprache').focus()
  await page.getByLabel('Sprache').selectOption({ label: 'English' })
  await page.getByRole('log', { name: 'Messages' }).getByText('Today').waitFor()
  await page.locator('.said-by time[title*=" at "]').first().waitFor()
  t.equal(await lang(), 'en,ltr')
  await hasFocus(page.getByLabel('Language'))
  const message = page.getByRole('textbox', { name: 'Message' })
  t.equal(await message.inputValue(), 'Entwurf')
  await page.reload()
  await page.getByRole('log', { name: 'Messages' }).getByText('Today').waitFor()
  t.equal(await lang(), 'en,ltr', 'the choice stays')
  t.equal(await message.inputValue(), 'Entwurf')

  const german = /\/de-[^/]*\.js$/
  await page.route(german, (route) => route.abort('connectionrefused'))
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByLabel('Language').selectOption({ label: 'Deutsch' })
  await page.getByRole('alert').getByText('The language could not be loaded. Try again.').waitFor()
  t.equal(await page.getByLabel('Language').inputValue(), 'en', 'the page stays in the one that it has')
  await page.unroute(german)
  await page.reload()
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByLabel('Language').selectOption({ label: 'As in the browser' })
  await page.getByLabel('Sprache').waitFor()
  t.same(person.problems, [])
})

t.test('where texts run from right to left, the page is mirrored and nothing sticks out', async (t) => {
  const { page } = hal
  await page.keyboard.press('Escape')
  await hal.go('mirrored')
  await hal.write('שלום')
  await hal.sees('שלום')
  const mirror = () => page.evaluate("document.documentElement.dir = 'rtl'")
  const check = (view: string) => checkOtherLook(t, hal, view, 'mirrored')
  await mirror()
  await check('a conversation')
  const middle = (selector: string) =>
    page.locator(selector).evaluate((element) => {
      const { left, right } = element.getBoundingClientRect()
      return (left + right) / 2 / innerWidth
    })
  t.ok((await middle('.rooms-button')) > 0.5, 'the button of the rooms is at the right')
  t.ok((await middle('.composer .send')) < 0.5, 'the button that sends is at the left')
  t.equal(
    await page.locator('.send .icon').evaluate((element) => getComputedStyle(element).transform),
    'matrix(-1, 0, 0, 1, 0, 0)',
    'its icon points to the left',
  )
  await page.getByRole('button', { name: 'Rooms', exact: true }).click()
  t.ok((await middle('.dialog.drawer')) > 0.5, 'the drawer is at the right')
  await check('the drawer of rooms')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await check('the menu')
  t.same(hal.problems, [])
})

/**
 * Returns what can be tapped in less than 44 by 44 px: where a tap 21 px beside its middle hits something else. Links within texts
 * are as high as their lines.
 */
function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const selector = 'button, a[href], input, select, textarea, [role="option"]'
    const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body
    const reach = 21
    return [...top.querySelectorAll<HTMLElement>(selector)].flatMap((element) => {
      const target = element.closest('label') ?? element
      const box = target.getBoundingClientRect()
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2]
      const hits = (dx: number, dy: number) => {
        const hit = document.elementFromPoint(x + dx, y + dy)
        return hit !== null && (target.contains(hit) || hit.closest('label') === target)
      }
      const isInText = element.closest('.text') !== null
      // Hidden, disabled, behind a panel or scrolled away.
      if (isInText || !hits(0, 0) || element.matches(':disabled')) return []
      const isWhole = [-reach, reach].every((by) => hits(by, 0) && hits(0, by))
      return isWhole ? [] : [`${element.outerHTML.slice(0, 120)}: ${box.width} x ${box.height}`]
    })
  })
}
