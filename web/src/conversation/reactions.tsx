import { useComputed } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import type { JSX } from 'preact'
import { knownNameOf } from '../state/names.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { formatNumber } from '../ui/intl.ts'
import { toggle, underway } from './reacting.ts'
import { shownReactions } from './shown-reactions.ts'

/** Maximum number of names in the description of a reaction. */
const maxNames = 20

/** Reactions to a message. A click on one adds the user's, or takes it back. */
export function Reactions({
  room,
  message,
  me,
}: {
  room: Room
  message: Message
  me: string | undefined
}): JSX.Element | null {
  // Only changes of this message draw it again.
  const own = useComputed(() => underway.value.get(message.id)).value
  const all = shownReactions(message, own, me)
  if (all.length === 0) return null
  return (
    <ul class="reactions" aria-label={t.conversation.reactions}>
      {all.map(({ emoji, count, users, isMine, isUnderway }) => {
        const who = listOf(users, count, isMine, me)
        return (
          <li key={emoji}>
            <button
              type="button"
              class={`reaction ${isUnderway ? 'underway' : ''}`}
              aria-pressed={isMine}
              aria-label={`${emoji} ${formatNumber(count)}: ${who}`}
              title={who}
              onClick={() => void toggle(room, message, emoji, me)}
            >
              <span class="emoji">{emoji}</span> <span class="count">{formatNumber(count)}</span>
            </button>
          </li>
        )
      })}
    </ul>
  )
}

/** Returns the names of users who reacted, the own user first. Users without a known name are only counted. */
function listOf(users: readonly string[], count: number, isMine: boolean, me: string | undefined): string {
  const names = users
    .filter((id) => id !== me)
    .flatMap((id) => knownNameOf(id) ?? [])
    .slice(0, maxNames)
    .map(isolated)
  if (isMine) names.unshift(t.common.you)
  const others = count - names.length
  if (others > 0) names.push(names.length === 0 ? t.conversation.people(others) : t.conversation.more(others))
  return t.conversation.list(names)
}
