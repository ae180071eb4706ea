/** Maximum number of mentions of a message, as on the server. */
const maxMentions = 20
const letter = /[\p{L}\p{N}_]/u

/** A user, or a group such as `@room`, by the name that stands behind the `@`. */
export interface Mentionable {
  id: string
  name: string
}

/** Groups that the owner of a room may mention, and moderators; others where the room allows it. */
export const groups = [
  { id: '@room', name: 'room' },
  { id: '@here', name: 'here' },
] as const
export type Group = (typeof groups)[number]

/** Returns the one whose name stands behind the `@` at an index of a text: the one with the longest name. */
export function mentionAt<One extends Mentionable>(
  text: string,
  index: number,
  all: readonly One[],
): One | undefined {
  if (text[index] !== '@' || letter.test(text[index - 1] ?? '')) return undefined
  let found: One | undefined
  for (const one of all) {
    const { length } = one.name
    if (length === 0 || length <= (found?.name.length ?? 0)) continue
    if (!text.startsWith(one.name, index + 1)) continue
    // "@Ann" is not in "@Anna".
    if (!letter.test(one.name.at(-1) ?? '') || !letter.test(text[index + 1 + length] ?? '')) found = one
  }
  return found
}

/** Returns the ids of those whom a text mentions, each once and 20 at most. Of users with the same name, the first one counts. */
export function mentionedIn(text: string, all: readonly Mentionable[]): string[] {
  const ids = new Set<string>()
  for (let index = text.indexOf('@'); index !== -1; index = text.indexOf('@', index + 1)) {
    const found = mentionAt(text, index, all)
    if (found !== undefined) ids.add(found.id)
    if (ids.size === maxMentions) break
  }
  return [...ids]
}
