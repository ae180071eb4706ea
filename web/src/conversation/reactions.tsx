import { useComputed } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'
import { formatNumber } from '../ui/intl.ts'
import { listOf } from './names-list.ts'
import { toggle, underway } from './reacting.ts'
import { shownReactions } from './shown-reactions.ts'

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
        const others = users.filter((id) => id !== me)
        const who = listOf(others, count, isMine)
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
