import { until } from '@rabble/harness'
import type { Locator, Page } from 'playwright-core'

/** Timeout (ms) until the first message is loaded. */
const timeout = 120_000

/** Returns the texts of all messages of the list from the first one. Scrolls, since the page may not hold all of them at once. */
export async function allTexts(page: Page, log: Locator): Promise<string[]> {
  const found = new Map<string, string>()
  const scroll = async (top: 'first' | 'on') => {
    const moved = await log.evaluate((element, top) => {
      const before = element.scrollTop
      element.scrollTop = top === 'first' ? 0 : before + 400
      return element.scrollTop !== before
    }, top)
    // The page draws in the next frame.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
    return moved
  }
  const top = page.getByText('The beginning of the room')
  const isAtTop = async () => {
    // Checked first: once all is loaded, nothing is added above.
    const isWhole = await top.isVisible()
    return !(await scroll('first')) && isWhole
  }
  await until(isAtTop, timeout, 'the beginning of the room')
  do {
    const rows = await log
      .locator('.row[data-id]:has(.text)')
      .evaluateAll((all) =>
        all.map((row) => [row.getAttribute('data-id'), row.querySelector('.text')?.textContent]),
      )
    for (const [id, text] of rows) found.set(id ?? '', text ?? '')
  } while (await scroll('on'))
  return [...found.values()]
}
