import { signal } from '@preact/signals'

/** Locale of dates, of numbers and of the order of names, such as `de-AT`: the page's language, in the reader's region. */
const locale = signal('en')

export function setLocale(wanted: string): void {
  locale.value = wanted
}

/** Returns a function that returns what `make` has made for the present locale. It is made again only if the locale has changed. */
export function inLocale<Made>(make: (locale: string) => Made): () => Made {
  let last: { locale: string; made: Made } | undefined
  return () => {
    const { value } = locale
    if (last?.locale !== value) last = { locale: value, made: make(value) }
    return last.made
  }
}
