import type { Message } from '@rabble/client'

/** Messages of one sender within this time stand under one name: milliseconds. */
const together = 5 * 60_000

/** How a message stands below the one before it. */
export interface Place {
  /** It is the first of its day, in the reader's time zone. */
  day: boolean
  /** It shows who said it. */
  head: boolean
}

export function placeOf(message: Message, before: Message | undefined): Place {
  if (before === undefined) return { day: true, head: true }
  const [at, then] = [new Date(message.at), new Date(before.at)]
  const day = dayOf(at) !== dayOf(then)
  const same = message.from.id === before.from.id && message.from.name === before.from.name
  return {
    day,
    head: day || !same || Math.abs(at.getTime() - then.getTime()) > together || message.replyTo !== undefined,
  }
}

function dayOf(date: Date): string {
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`
}
