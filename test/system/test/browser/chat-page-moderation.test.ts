import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  noRateLimits,
  startService,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { axe, checkView } from '../check-view.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const secret = 'a secret that is long enough to be one'
const rabble = await startService(t, 'standalone', {
  ...noRateLimits,
  DATA_DIR: dataFolder(t),
  RABBLE_SECRET: secret,
})
const phone = { viewport: { width: 390, height: 844 }, isMobile: true } as const
const desktop = 'on a desktop, light'

/** Signs a person in with an account that has this role. */
async function signInAs({ page }: Person, name: string, role: string): Promise<void> {
  const value = await createTokens(secret).sign({ id: name.toLowerCase(), name }, 3600, [role])
  await page.context().addCookies([{ name: 'rabble_session', value, url: rabble.url }])
  await page.reload()
  await page.getByText(/^Connected as/).waitFor({ state: 'attached' })
}

t.test('a message is reported, and a moderator deletes it and mutes its author', async (t) => {
  const eve = await connectChat(t, rabble.url, { name: 'Eve' })
  await eve.join('general')
  await eve.send('general', 'Buy my hats')
  const isStored = async () => {
    const response = await fetch(`${rabble.url}/api/rooms/general/messages`)
    return (await response.text()).includes('Buy my hats')
  }
  await until(isStored, 60_000, 'history to have the message')
  const bob = await openChat(t, browser, rabble.url, { script: axe })
  await bob.enter('Bob')
  await bob.sees('Buy my hats')
  await bob.message('Buy my hats').hover()
  await bob.message('Buy my hats').getByRole('button', { name: 'Report' }).waitFor()
  t.equal(await bob.message('Buy my hats').getByRole('button', { name: 'Moderate the author' }).count(), 0)
  await bob.press('Buy my hats', 'Report')
  const report = bob.page.getByRole('dialog', { name: 'Report this message?' })
  await report.getByText('Buy my hats').waitFor()
  await report.getByLabel('Reason').fill('spam')
  await checkView(t, bob, 'a report', desktop)
  await report.getByRole('button', { name: 'Report', exact: true }).click()
  await bob.page.getByText('The message is reported.').waitFor()

  const mona = await openChat(t, browser, `${rabble.url}/#/moderation/reports`, { script: axe })
  await signInAs(mona, 'Mona', 'moderator')
  const { page } = mona
  const reports = page.getByRole('list', { name: 'Reports' })
  for (const text of ['Buy my hats', 'spam', 'Reported by Bob']) await reports.getByText(text).waitFor()
  await checkView(t, mona, 'reports', desktop)
  await reports.getByRole('button', { name: 'Moderate the author' }).click()
  const dialog = page.getByRole('dialog', { name: /^Moderate \W?Eve/ })
  await dialog.getByText('None.').waitFor()
  await dialog.getByLabel('Reason').fill('no hats')
  await checkView(t, mona, 'a user is moderated', desktop)
  await dialog.getByRole('button', { name: 'Mute the user' }).click()
  await dialog.getByText(/Eve\W? is muted\./).waitFor()
  await dialog.getByRole('list', { name: 'Bans and mutes in force' }).getByText('no hats').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).last().click()
  const refusal = () =>
    eve.send('general', 'May I?').then(
      () => '',
      ({ code }: { code: string }) => code,
    )
  await until(async () => (await refusal()) === 'forbidden', 60_000, 'the mute')

  await reports.getByRole('button', { name: 'Go to the message' }).click()
  await mona.message('Buy my hats').waitFor()
  // Alone in the list, it lies below the button.
  await page.getByRole('button', { name: 'To the newest' }).click()
  await mona.press('Buy my hats', 'Delete')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await bob.tells(['deleted by a moderator'])
  await page.getByRole('button', { name: /Your menu/ }).click()
  await page.getByRole('link', { name: 'Moderation' }).click()
  await reports.getByRole('button', { name: 'Close as done' }).click()
  await page.getByText('No reports.').waitFor()
  await page.getByRole('link', { name: 'Audit' }).click()
  const audit = page.getByRole('list', { name: 'Audit' })
  for (const action of ['report.close', 'mute']) await audit.getByText(action, { exact: true }).waitFor()
  await checkView(t, mona, 'the audit', desktop)
  await page.getByLabel('Action').fill('mute')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await audit.getByText('report.close', { exact: true }).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Bans and mutes' }).click()
  await page.setViewportSize(phone.viewport)
  await page.getByRole('button', { name: 'Lift the mute' }).waitFor()
  await checkView(t, mona, 'what is in force', 'on a phone, light')
  await page.getByRole('button', { name: 'Lift the mute' }).click()
  await page.getByText('None.').waitFor()
  await until(async () => (await refusal()) === '', 60_000, 'Eve to be heard again')
  for (const one of [bob, mona]) t.same(one.problems, [])
})

t.test('the owner of a room puts a user out, and nobody else is offered that', async (t) => {
  const guest = await connectChat(t, rabble.url, { name: 'Guest' })
  const host = await openChat(t, browser, rabble.url, { script: axe, ...phone })
  const { page } = host
  await host.enter('Host')
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  t.equal(await page.getByRole('link', { name: 'Moderation' }).count(), 0)
  await page.keyboard.press('Escape')
  await page.evaluate("location.hash = '#/moderation/audit'")
  await page.getByText('Only moderators can see this.').waitFor()
  await page.getByRole('button', { name: /^Rooms/ }).click()
  await page.getByRole('button', { name: 'Create a room' }).click()
  await page.getByLabel('Name of the room').fill('salon')
  await page.getByRole('button', { name: 'Create the room' }).click()
  await page.getByRole('heading', { level: 1, name: 'salon' }).waitFor()
  await guest.join('salon')
  const token = await createTokens(secret).sign({ id: 'max', name: 'Max' }, 3600, ['moderator'])
  const max = await connectChat(t, rabble.url, { token })
  await max.join('salon')
  await page.getByRole('button', { name: /^People/ }).click()
  const people = page.locator('#people-list li')
  await people.filter({ hasText: 'Host' }).getByText('Owner').waitFor()
  await people.filter({ hasText: 'Max' }).getByText('Moderator', { exact: true }).waitFor()
  t.equal(await people.filter({ hasText: 'Guest' }).locator('.role').count(), 0)
  await checkView(t, host, 'people with their roles', 'on a phone, light')
  await page.getByRole('button', { name: /^Moderate \W?Guest/ }).click()
  const dialog = page.getByRole('dialog', { name: /^Moderate \W?Guest/ })
  await dialog.getByLabel(/^Kick/).check()
  await dialog.getByText('None.').waitFor()
  await checkView(t, host, 'a user is put out', 'on a phone, light')
  await dialog.getByRole('button', { name: 'Kick the user' }).click()
  await dialog.getByText(/was put out\./).waitFor()
  t.match(await guest.waitFor(({ type }) => type === 'left', 60_000), { room: 'salon', code: 'forbidden' })
  t.same(host.problems, [])
})
