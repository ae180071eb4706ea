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

t.test('who wrote what is at the top is visible in a long run, and Escape leads to its end', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Writer' })
  await bob.join('long')
  for (let n = 1; n <= 60; n++) await bob.send('long', `line ${n}`)
  const gil = await openChat(t, browser, `${rabble.url}/#long`, { script: axe })
  const { page, log } = gil
  await gil.enter('Gil')
  await gil.sees('line 60')
  const author = page.locator('.top-author')
  await author.getByText('Writer').waitFor()
  await checkView(t, gil, 'a long run of one author', 'on a desktop, light')
  const isAtTop = async () => {
    // Older messages are loaded meanwhile.
    await log.evaluate((element) => {
      element.scrollTop = 0
    })
    return (await gil.message('line 1').isVisible()) && (await author.count()) === 0
  }
  await until(isAtTop, 60_000, 'the name at the beginning to be visible')
  await page.getByRole('button', { name: 'To the newest' }).waitFor()
  await gil.messageBox.focus()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'To the newest' }).waitFor({ state: 'detached' })
  await author.getByText('Writer').waitFor()
  t.same(gil.problems, [])
})

t.test('the header has the topic, a link to copy and, for an owner, invitations', async (t) => {
  await startOwner(t, rabble.url, 'Host', { 'tea house': 'Milk first' })
  const guest = await connectChat(t, rabble.url, { name: 'Guest of tea' })
  const ivy = await openChat(t, browser, `${rabble.url}/#tea house`, { script: axe })
  const { page } = ivy
  await ivy.enter('Ivy')
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
  const hal = await openChat(t, browser, `${rabble.url}/#touch`, { ...phone, script: axe })
  const { page } = hal
  await hal.enter('Hal')
  await hal.write('mine')
  await hal.message('mine').waitFor()
  const check = async (view: string) => {
    t.same(await tooSmall(page), [], view)
    await checkView(t, hal, view, 'on a phone with a finger')
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
