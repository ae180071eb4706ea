import { signal } from '@preact/signals'

/** Pairs of marks for words, links with a text, and beginnings of lines of a quote, a list or code. */
const marks = /([*_`])[\s\S]*\1|~~[\s\S]*~~|\]\(|^[ \t]*(?:>|[-+*] |\d{1,9}[.)] |~~~)/m

/** Whether a text may be formatted. If not, it is shown as it is, without the parser. */
export function hasMarks(text: string): boolean {
  return marks.test(text)
}

const loaded = signal<typeof import('./formatted.tsx') | undefined>(undefined)
let isAsked = false

/** Returns what shows formatted texts. It is loaded when the first text needs it; until then, texts are shown as written. */
export function formatter(): typeof import('./formatted.tsx') | undefined {
  if (!isAsked) {
    isAsked = true
    import('./formatted.tsx').then(
      (module) => {
        loaded.value = module
      },
      () => {
        // The next text tries again.
        isAsked = false
      },
    )
  }
  return loaded.value
}
