import { knownNameOf } from '../state/names.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'

/** Maximum number of names in a list. */
const maxNames = 20

/**
 * Returns the names of users for people: of `count` users, of whom some are known by their ids. Those without a known name are only
 * counted. With `own`, the user of the page is the first.
 */
export function listOf(users: readonly string[], count: number, own = false): string {
  const names = users
    .flatMap((id) => knownNameOf(id) ?? [])
    .slice(0, maxNames)
    .map(isolated)
  if (own) names.unshift(t.common.you)
  const others = count - names.length
  if (others > 0) names.push(names.length === 0 ? t.conversation.people(others) : t.conversation.more(others))
  return t.conversation.list(names)
}
