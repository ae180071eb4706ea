import type { MessageEvent, ReactionEvent, Reactions } from './events.ts'

/** Maximum number of users in the list of an emoji. The count is exact beyond that. */
export const maxReactors = 50
/** Maximum number of different emoji of a message. Gateways refuse another one. */
export const maxEmoji = 20

/**
 * Returns the message after a reaction; unchanged if the reaction changes nothing. It relies on the rule that the reactions of a user
 * with one emoji to one message alternate (`ReactionEvent.revision`): a user who is missing in a shortened list can't be recognized.
 * A reaction with the reactions after it replaces all.
 */
export function reacted(message: MessageEvent, event: ReactionEvent): MessageEvent {
  const { reactions: before = [], reacted, ...rest } = message
  if (reacted === event.id) return message
  const reactions = event.reactions ?? reactionsAfter(before, event)
  if (reactions === before) return message
  return { ...rest, ...(reactions.length > 0 && { reactions }), reacted: event.id }
}

/** Returns the reactions to a message after another one; the same array if that changes nothing. */
export function reactionsAfter(
  before: Reactions[],
  { emoji, from, remove }: Pick<ReactionEvent, 'emoji' | 'from' | 'remove'>,
): Reactions[] {
  const known = before.find((reactions) => reactions.emoji === emoji)
  const { count, users }: Omit<Reactions, 'emoji'> = known ?? { count: 0, users: [] }
  const isListed = users.includes(from.id)
  if (remove) {
    if (!isListed && count === users.length) return before
    const others = { emoji, count: count - 1, users: users.filter((user) => user !== from.id) }
    return before.flatMap((reactions) => (reactions !== known ? reactions : count > 1 ? others : []))
  }
  if (isListed) return before
  const all = { emoji, count: count + 1, users: users.length < maxReactors ? [...users, from.id] : users }
  return known === undefined
    ? [...before, all]
    : before.map((reactions) => (reactions === known ? all : reactions))
}

// A text, since the compiler takes the flag in literals only for newer targets.
const oneEmoji = '^\\p{RGI_Emoji}$'
/** Compiled at the first use: that takes 50 ms, which each process and each page would spend at its start. */
let recommended: RegExp | undefined

/**
 * Returns an emoji in its form for interchange; undefined if the text is not exactly one emoji. A sign that is shown as a text without
 * a variation selector, such as U+2764 (heart), gets the one for emoji. Source: UTS #51, ED-27.
 */
export function emojiOf(text: string): string | undefined {
  recommended ??= new RegExp(oneEmoji, 'v')
  const isOne = recommended
  return [text, `${text}\u{fe0f}`].find((emoji) => isOne.test(emoji))
}
