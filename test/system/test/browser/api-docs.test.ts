import { assertNothingLeft, dataFolder, inForm, startNginx, startService } from '@rabble/harness'
import t, { type Test } from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { axe, checkView } from '../check-view.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
// The page needs no service behind Nginx.
const nginx = await startNginx(t, { gateways: [1], histories: [1], rooms: [1] })
const rabble = await startService(t, 'standalone', { DATA_DIR: dataFolder(t) })

/** Servers, each with a look. The usual form checks one of the two pages of each server, since that takes several seconds. */
const servers = [
  {
    server: 'Nginx',
    url: nginx.url,
    checked: inForm(['interfaces'], ['interfaces', 'client']),
    name: 'on a phone, dark',
    look: { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
  },
  {
    server: 'one process',
    url: rabble.url,
    checked: inForm(['client'], ['interfaces', 'client']),
    name: 'on a desktop, light',
    look: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  },
] as const

for (const { server, url, checked, name, look } of servers) {
  t.test(`${server} serves the descriptions, under the same policy as the chat`, async (t) => {
    const page = await fetch(`${url}/api/docs`)
    const chat = await fetch(`${url}/`)
    t.equal(page.status, 200)
    t.match(page.headers.get('content-type'), 'text/html')
    const policy = page.headers.get('content-security-policy')
    t.equal(policy, chat.headers.get('content-security-policy'))
    t.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
    for (const name of ['openapi', 'asyncapi']) {
      const answer = await fetch(`${url}/api/docs/${name}.json`)
      t.equal(answer.status, 200)
      t.match(answer.headers.get('content-type'), 'application/json')
      t.match(((await answer.json()) as Record<string, string>)[name], /^3\./)
    }
    const missing = await fetch(`${url}/api/docs/nothing.json`)
    t.equal(missing.status, 404)
  })

  t.test(`the pages of ${server} are readable, and break no policy: ${name}`, async (t) => {
    const person = await openChat(t, browser, `${url}/api/docs`, { ...look, script: axe })
    const { page, problems } = person
    const check = () => checkPage(t, person, name)
    await page.getByRole('heading', { name: 'Rabble: interfaces' }).waitFor()
    await page.getByRole('link', { name: 'Search messages' }).first().waitFor({ state: 'attached' })
    if (checked.includes('interfaces')) await check()
    await page.getByRole('link', { name: 'Client', exact: true }).click()
    await page.getByRole('heading', { name: 'Rabble: the client' }).waitFor()
    await page.getByRole('link', { name: 'createRoom' }).first().waitFor({ state: 'attached' })
    if (checked.includes('client')) await check()
    t.same(problems, [])
  })
}

async function checkPage(t: Test, person: Person, look: string): Promise<void> {
  const { page } = person
  const style = await page.evaluate("getComputedStyle(document.querySelector('section')).borderTopStyle")
  t.equal(style, 'solid', 'the style is there')
  const lost = await page.evaluate(
    `[...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href').slice(1))
          .filter((id) => document.getElementById(id) === null)`,
  )
  t.same(lost, [], 'each link leads to its place')
  const twice = await page.evaluate(
    `[...document.querySelectorAll('[id]')].map(({ id }) => id).filter((id, n, all) => all.indexOf(id) < n)`,
  )
  t.same(twice, [], 'each place has a name of its own')
  await checkView(t, person, await page.title(), look)
}
