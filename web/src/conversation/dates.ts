const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const dateWithYear = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' })

/** Hours and minutes. */
export function timeOf(at: string): string {
  return format(time, at)
}

/** The same without "AM" and "PM", where there is little space. */
export function shortTimeOf(at: string): string {
  const then = new Date(at)
  if (Number.isNaN(then.getTime())) return ''
  const parts = time.formatToParts(then).filter(({ type }) => type !== 'dayPeriod')
  return parts
    .map(({ value }) => value)
    .join('')
    .trim()
}

/** Everything about it. */
export function momentOf(at: string): string {
  return format(full, at)
}

/** The day, as people call it. */
export function dayOf(at: string): string {
  const then = new Date(at)
  const day = new Date(then).setHours(0, 0, 0, 0)
  const today = new Date().setHours(0, 0, 0, 0)
  const days = Math.round((today - day) / 86_400_000)
  if (days === 0) return 'Today'
  if (days === 1) return 'Yesterday'
  return format(then.getFullYear() === new Date().getFullYear() ? date : dateWithYear, at)
}

/** A program may have written anything there. */
function format(how: Intl.DateTimeFormat, at: string): string {
  const then = new Date(at)
  return Number.isNaN(then.getTime()) ? '' : how.format(then)
}
