import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { inForm, until } from '@rabble/harness'
import type { AxeResults } from 'axe-core'
import type { Test } from 'tap'
import type { OpenPage } from './browser.ts'

/** Script that looks for barriers. Pages whose views are checked run it from their beginning. */
export const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** Folder for a picture of each view, for people. */
export const pictures = process.env.RABBLE_TEST_PICTURES
if (pictures !== undefined) mkdirSync(pictures, { recursive: true })

/** Runs axe, whose script was injected before: the page's policy would refuse an added one. */
export async function checkView(t: Test, { page }: OpenPage, view: string, look: string): Promise<void> {
  // Colours are checked only when no animation runs.
  await until(
    async () =>
      await page.evaluate("document.getAnimations().every(({ playState }) => playState !== 'running')"),
    60_000,
    'the page to stand still',
  )
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${view} ${look}.png`) })
  const { violations } = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(tags)}, resultTypes: ['violations'] })`,
  )) as AxeResults
  const found = violations.map(({ id, help, nodes }) => ({
    id,
    help,
    nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => `${html.slice(0, 200)}: ${failureSummary}`),
  }))
  t.same(found, [], view)
  await checkWidth(t, { page }, view)
}

/** Checks that the page does not scroll sideways. */
async function checkWidth(t: Test, { page }: Pick<OpenPage, 'page'>, view: string): Promise<void> {
  const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
  t.notOk(wider, `${view}: nothing sticks out`)
}

/**
 * Checks another look of a view that is checked whole elsewhere. The usual form looks only whether something sticks out, since axe takes
 * longest.
 */
export const checkOtherLook: typeof checkView =
  pictures === undefined ? inForm(checkWidth, checkView) : checkView
