import { until } from '@rabble/harness'
import type { Locator } from 'playwright-core'

/** Waits until an element has the focus. */
export function hasFocus(wanted: Locator): Promise<void> {
  return until(() => wanted.evaluate((element) => element.matches(':focus')), 60_000, `focus in ${wanted}`)
}
