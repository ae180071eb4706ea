import { signal } from '@preact/signals'
import { en } from './en.ts'

/** All texts of the page. English is complete, so a text that another language lacks is a type error. */
export type Texts = typeof en

const current = signal<Texts>(en)

/**
 * The texts in the page's language. Read them when they are shown: a component that reads one is drawn again when the language changes, while
 * a constant of a module would stay as it was.
 */
export const t = {} as Texts
for (const area of Object.keys(en) as (keyof Texts)[])
  Object.defineProperty(t, area, { enumerable: true, get: () => current.value[area] })

export function setTexts(texts: Texts): void {
  current.value = texts
}
