import type { Message } from '@rabble/client'

/** Messages of one sender within this time (ms) share one heading. */
const together = 5 * 60_000

/** Layout of a message, compared with the one before it. */
export interface Place {
  /** Whether it is the first message of its day, in the reader's time zone. */
  day: boolean
  /** Whether it shows its sender. */
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
