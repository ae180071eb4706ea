import { until } from '@rabble/harness'
import type { Locator } from 'playwright-core'
import type { OpenPage } from './browser.ts'

/** Waits until an element has the focus. */
export function hasFocus(wanted: Locator): Promise<void> {
  return until(() => wanted.evaluate((element) => element.matches(':focus')), 60_000, `focus in ${wanted}`)
}

/** Presses a key until an element has the focus. Default key: Tab. */
export function goTo({ page }: OpenPage, wanted: Locator, key = 'Tab'): Promise<void> {
  const isThere = async () => {
    if ((await wanted.isVisible()) && (await wanted.evaluate((element) => element.matches(':focus'))))
      return true
    await page.keyboard.press(key)
    return false
  }
  return until(isThere, 60_000, `${key} to lead to ${wanted}`)
}
