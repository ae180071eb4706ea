import { inLocale } from '../texts/locale.ts'
import { t } from '../texts/texts.ts'

const formats = (options: Intl.DateTimeFormatOptions) =>
  inLocale((locale) => new Intl.DateTimeFormat(locale, options))
const time = formats({ timeStyle: 'short' })
const full = formats({ dateStyle: 'full', timeStyle: 'medium' })
const short = formats({ dateStyle: 'long', timeStyle: 'short' })
const date = formats({ weekday: 'long', day: 'numeric', month: 'long' })
const dateWithYear = formats({ dateStyle: 'full' })

/** Returns hours and minutes. */
export function timeOf(at: string): string {
  return format(time, at)
}

/** Returns hours and minutes without "AM" and "PM", for narrow places. */
export function shortTimeOf(at: string): string {
  const then = new Date(at)
  if (Number.isNaN(then.getTime())) return ''
  const parts = time()
    .formatToParts(then)
    .filter(({ type }) => type !== 'dayPeriod')
  return parts
    .map(({ value }) => value)
    .join('')
    .trim()
}

/** Returns the full date and time. */
export function momentOf(at: string): string {
  return format(full, at)
}

/** Returns the date, with hours and minutes. */
export function dateAndTimeOf(at: string): string {
  return format(short, at)
}

/** Returns the day for people, such as "Today" in English. */
export function dayOf(at: string): string {
  const then = new Date(at)
  const day = new Date(then).setHours(0, 0, 0, 0)
  const today = new Date().setHours(0, 0, 0, 0)
  const days = Math.round((today - day) / 86_400_000)
  if (days === 0) return t.conversation.today
  if (days === 1) return t.conversation.yesterday
  return format(then.getFullYear() === new Date().getFullYear() ? date : dateWithYear, at)
}

/** Formats a time. Returns an empty string for an invalid one, since other programs may write any text as the time. */
function format(how: () => Intl.DateTimeFormat, at: string): string {
  const then = new Date(at)
  return Number.isNaN(then.getTime()) ? '' : how().format(then)
}
