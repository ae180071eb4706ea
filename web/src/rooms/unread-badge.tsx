import type { JSX } from 'preact'
import { badge } from '../conversation/unread.ts'
import { t } from '../texts/texts.ts'

/** Badges of a conversation: one for mentions, and the number of unread messages. */
export function UnreadBadge({ messages, mentions }: { messages: number; mentions: number }): JSX.Element {
  return (
    <>
      {mentions > 0 && (
        <span class="badge mention">
          @<span class="unseen"> {t.rooms.mentions(mentions)}</span>
        </span>
      )}
      {messages > 0 && (
        <span class="badge">
          {badge(messages)}
          <span class="unseen"> {t.rooms.unread}</span>
        </span>
      )}
    </>
  )
}
