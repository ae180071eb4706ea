import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  freePort,
  noRateLimits,
  startService,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { client, startIssuer } from '../issuer.ts'

assertNothingLeft(t)
const [port, issuerPort] = [await freePort(), await freePort()]
const issuer = await startIssuer(t, issuerPort, {
  callback: `http://127.0.0.1:${port}/api/sign-in/callback`,
  users: {
    ada: { name: 'Ada Lovelace', groups: ['chat-admins', 'others'] },
    bob: { name: 'Bob', groups: ['others'] },
  },
  form: true,
})
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', {
  ...noRateLimits,
  DATA_DIR: dataFolder(t),
  LOG_LEVEL: 'warn',
  PORT: String(port),
  RABBLE_OIDC_ISSUER: issuer.url,
  RABBLE_OIDC_CLIENT_ID: client.id,
  RABBLE_OIDC_CLIENT_SECRET: client.secret,
  RABBLE_OIDC_SCOPES: 'openid profile groups',
  RABBLE_OIDC_ROLES_CLAIM: 'groups',
  RABBLE_OIDC_ROLES: 'chat-admins=moderator',
})

/** Opens the page. The form of the provider wants a font from the web, which is left out. */
async function open(t: Test, url: string): Promise<Person> {
  const person = await openChat(t, browser, url)
  const empty = { contentType: 'text/css', body: '' }
  await person.page.route('https://fonts.googleapis.com/**', (route) => route.fulfill(empty))
  return person
}

/** Presses the button of the page. */
const goToIssuer = ({ page }: Person) => page.getByRole('link', { name: 'Sign in with your account' }).click()

/** Fills in the form of the provider. */
async function fillForm({ page }: Person, login: string): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(login)
  await page.getByPlaceholder('and password').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
}

const isConnected = ({ page }: Person) => page.getByText(/^Connected as/).waitFor({ state: 'attached' })

/** Returns whether the menu of the user has an entry. */
async function offers({ page }: Person, entry: string): Promise<boolean> {
  await page.getByRole('button', { name: /^Your menu/ }).click()
  await page.getByRole('button', { name: 'Sign out', exact: true }).waitFor()
  const isThere = await page.getByRole('link', { name: entry }).isVisible()
  await page.keyboard.press('Escape')
  return isThere
}

t.test('the button leads to the provider, and back to the room with the name and the role', async (t) => {
  const bob = await connectChat(t, rabble.url, { name: 'Guest' })
  await bob.join('plans')
  const ada = await open(t, `${rabble.url}/#plans`)
  await goToIssuer(ada)
  await ada.page.waitForURL(`${issuer.url}/**`)
  await fillForm(ada, 'ada')
  await isConnected(ada)
  await ada.page.getByRole('heading', { level: 1, name: 'plans', exact: true }).waitFor()
  t.equal(ada.page.url(), `${rabble.url}/#plans`, 'nothing of the sign-in is left in the address')
  await ada.page.getByRole('button', { name: 'Your menu: Ada Lovelace' }).waitFor()
  t.ok(await offers(ada, 'Moderation'), 'the role is known')
  await ada.write('I am here')
  const said = await bob.waitFor((frame) => frame.type === 'message' && frame.text === 'I am here')
  t.match(said, { from: { id: /^oidc-[\w-]{22}$/, name: 'Ada Lovelace' } })

  // The session at the provider goes on, so it asks for nothing.
  await ada.signOut()
  await goToIssuer(ada)
  await isConnected(ada)
  await ada.page.getByRole('button', { name: 'Your menu: Ada Lovelace' }).waitFor()
  t.same(ada.problems, [])
})

t.test('a person without a group that means a role gets none', async (t) => {
  const bob = await open(t, rabble.url)
  await goToIssuer(bob)
  await fillForm(bob, 'bob')
  await isConnected(bob)
  t.notOk(await offers(bob, 'Moderation'))
})

t.test(
  'an error of the provider is a sentence on the sign-in page, until the page is loaded again',
  async (t) => {
    const ada = await open(t, rabble.url)
    await goToIssuer(ada)
    await ada.page.getByRole('link', { name: 'Cancel' }).click()
    const problem = ada.page.getByRole('alert')
    await problem.getByText('You were not signed in: the sign-in was cancelled or denied.').waitFor()
    t.equal(ada.page.url(), `${rabble.url}/`, 'the address doesn’t have it any more')
    await ada.page.goto(`${rabble.url}/api/sign-in/callback?code=stolen&state=unknown`)
    await problem.getByText('The sign-in took too long. Try again.').waitFor()
    await ada.page.reload()
    await ada.page.getByRole('link', { name: 'Sign in with your account' }).waitFor()
    t.equal(await problem.textContent(), '')
    await goToIssuer(ada)
    await fillForm(ada, 'ada')
    await isConnected(ada)
    t.same(ada.problems, [])
  },
)
