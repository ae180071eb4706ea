import { inLocale } from '../texts/locale.ts'

const collator = inLocale((locale) => new Intl.Collator(locale, { numeric: true }))
const numbers = inLocale((locale) => new Intl.NumberFormat(locale))

/** Compares two names as the reader's language sorts them. Numbers in names count as numbers: "room 9" is before "room 10". */
export function compareNames(one: string, other: string): number {
  return collator().compare(one, other)
}

/** Returns a number with the digits and separators of the reader's language. */
export function formatNumber(value: number): string {
  return numbers().format(value)
}
