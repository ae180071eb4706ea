const collator = new Intl.Collator(undefined, { numeric: true })
const numbers = new Intl.NumberFormat()

/** Compares two names as the reader's language sorts them. Numbers in names count as numbers: "room 9" is before "room 10". */
export const compareNames: (one: string, other: string) => number = collator.compare

/** Returns a number with the digits and separators of the reader's language. */
export function formatNumber(value: number): string {
  return numbers.format(value)
}
