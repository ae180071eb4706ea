import type { User } from '@rabble/client'
import type { Emoji } from '../emoji/emoji.ts'
import { fitOf, folded } from '../ui/matching.ts'
import { type Group, groups } from './mentions.ts'

/** Letters before the caret that can be completed: behind `@` or `:`, with the place of that sign. */
export interface Typed {
  sign: '@' | ':'
  at: number
  letters: string
}

/** A user, a group or an emoji that completes what is typed. */
export type Offer =
  | { type: 'person'; user: User }
  | { type: 'group'; group: Group }
  | { type: 'emoji'; emoji: Emoji }

/** Maximum number of letters behind a sign, and of offers. */
const maxLetters = 40
export const maxOffers = 8

// Names may have a space. A letter before the sign is part of an address or of a time.
const person = /(?<![\p{L}\p{N}_])@(?=[\p{L}\p{N}_])([^@\n]*)$/u
const emoji = /(?<![\p{L}\p{N}_:]):(\p{L}[\p{L}_]+)$/u

/** Returns what is typed before the caret and can be completed. */
export function typedBefore(text: string, caret: number): Typed | undefined {
  const start = Math.max(0, caret - maxLetters - 1)
  const before = text.slice(start, caret)
  for (const [sign, pattern] of [
    [':', emoji],
    ['@', person],
  ] as const) {
    const found = pattern.exec(before)
    // The sign at the very beginning may have a letter before it.
    if (found !== null && (start === 0 || found.index > 0))
      return { sign, at: start + found.index, letters: found[1] ?? '' }
  }
  return undefined
}

/**
 * Returns the users for these letters: those in the room before the others, and those whose names begin like that before those with
 * a later word that does.
 */
export function peopleFor(letters: string, here: readonly User[], known: readonly User[]): Offer[] {
  const wanted = folded(letters)
  const ids = new Set(here.map(({ id }) => id))
  return [here, known.filter(({ id }) => !ids.has(id))]
    .flatMap((users) => [0, 1].flatMap((fit) => users.filter(({ name }) => fitOf(name, wanted) === fit)))
    .slice(0, maxOffers)
    .map((user) => ({ type: 'person', user }))
}

/**
 * Returns the offers for these letters with the groups among them: a group whose name is written out is the first one, others stand behind
 * the people, since nobody should reach everybody by mistake.
 */
export function withGroups(letters: string, people: readonly Offer[]): Offer[] {
  const wanted = folded(letters)
  const fitting = groups.filter(({ name }) => name.startsWith(wanted))
  const offers = fitting.map((group): Offer => ({ type: 'group', group }))
  if (fitting.some(({ name }) => name === wanted)) return [...offers, ...people].slice(0, maxOffers)
  return [...people.slice(0, maxOffers - offers.length), ...offers]
}

/** Returns the text with an offer in place of what was typed, and the caret behind it. */
export function complete(
  text: string,
  caret: number,
  { at }: Typed,
  offer: Offer,
): { text: string; caret: number } {
  const word = wordOf(offer)
  const after = text.slice(caret)
  const begin = `${text.slice(0, at)}${word}${/^[\s\p{P}]/u.test(after) ? '' : ' '}`
  return { text: begin + after, caret: begin.length + (/^\s/.test(after) ? 1 : 0) }
}

function wordOf(offer: Offer): string {
  switch (offer.type) {
    case 'person':
      return `@${offer.user.name}`
    case 'group':
      return offer.group.id
    case 'emoji':
      return offer.emoji.sign
    default:
      return offer satisfies never
  }
}
