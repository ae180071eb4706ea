import { inLocale } from '../texts/locale.ts'

const minute = 60_000
/** Units of time, each with its length (ms) and the number of them from which the next one is used. */
const units = [
  ['minute', minute, 60],
  ['hour', 60 * minute, 24],
  ['day', 24 * 60 * minute, 30],
  ['month', 30 * 24 * 60 * minute, 12],
  ['year', 365 * 24 * 60 * minute, Number.POSITIVE_INFINITY],
] as const

const formats = {
  long: inLocale((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })),
  narrow: inLocale((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'narrow' })),
}

/**
 * Returns how long ago a time was, for people, such as "2 hours ago" in English: at least a minute, since clocks differ. Empty for an
 * invalid time.
 */
export function agoOf(at: string, now: number, style: keyof typeof formats): string {
  const age = now - new Date(at).getTime()
  if (Number.isNaN(age)) return ''
  for (const [unit, length, most] of units) {
    const count = Math.max(1, Math.floor(age / length))
    if (count < most) return formats[style]().format(-count, unit)
  }
  return ''
}
