import { type TestContext, until } from '@rabble/harness'
import type { Browser } from 'playwright-core'
import { openChat, type PageOptions, type Person } from './browser.ts'

/** Opens a page for the user of another page, in a browser profile of its own. */
export async function openAnother(
  t: TestContext,
  browser: Browser,
  person: Person,
  url: string,
  options: PageOptions = {},
): Promise<Person> {
  const other = await openChat(t, browser, 'about:blank', options)
  await other.page.context().addCookies(await person.page.context().cookies())
  await other.page.goto(url)
  return other
}

/** Returns the id and a token of the user of a page. */
export function accountOf({ page }: Person): Promise<{ user: { id: string }; token: string }> {
  return page.evaluate(async () => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch('api/session', { method: 'POST', headers, body: '{"keep":true}' })
    return await answer.json()
  })
}

/** Returns the conversations of the sidebar, with their badges: `plans @ 2`. */
export function linksOf({ page }: Person): Promise<string[]> {
  return page.locator('.room-link').evaluateAll((all) =>
    all.map((link) => {
      const texts = [...link.querySelectorAll('.room-name, .badge')].map(
        ({ firstChild }) => firstChild?.textContent,
      )
      return [...texts, ...(link.classList.contains('muted') ? ['muted'] : [])].join(' ')
    }),
  )
}

/** Waits until the sidebar has exactly these links, each with its badges. */
export async function lists(person: Person, wanted: readonly string[]): Promise<void> {
  let links: string[] = []
  const isSo = async () => {
    links = await linksOf(person)
    return links.join('\n') === wanted.join('\n')
  }
  await until(isSo, 60_000, `the links ${wanted.join(', ')}`).catch((error: Error) => {
    throw new Error(`${error.message}: ${links.join(', ')}`)
  })
}

/** Waits until the title begins with this number. Zero: no number. */
export async function counts({ page }: Person, unread: number): Promise<void> {
  const start = unread === 0 ? /^[^(]/ : new RegExp(`^\\(${unread}\\) `)
  await until(async () => start.test(await page.title()), 60_000, `the title to count ${unread}`)
  const icon = unread === 0 ? 'favicon.svg' : 'favicon-unread.svg'
  const href = () => page.locator('link[rel="icon"]').evaluate((link) => (link as HTMLLinkElement).href)
  await until(async () => (await href()).endsWith(`/${icon}`), 60_000, `the icon to be ${icon}`)
}
