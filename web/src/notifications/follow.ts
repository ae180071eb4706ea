import type { ConversationState } from '@rabble/client/conversations'
import { conversationOf } from '../state/conversations.ts'
import { me, onEnter } from '../state/session.ts'
import { isNews } from './news.ts'
import { isPossible, settings } from './settings.ts'
import { followVisibility } from './visible-tab.ts'

/** Notifies the user of direct messages and mentions while the page is hidden. Call it before the conversations are followed. */
export function startNotifications(): void {
  if (!isPossible) return
  followVisibility()
  onEnter((chat) => {
    chat.on('conversation', ({ room, conversation }) => {
      // The list of conversations follows the same event later, so this is the state before it.
      if (conversation !== undefined && isNews(conversationOf(room), conversation, me.peek()?.id))
        tell(conversation)
    })
  })
}

function tell(conversation: ConversationState): void {
  const { notify, sound } = settings.peek()
  if (!document.hidden || !notify || Notification.permission !== 'granted') return
  import('./alert.ts').then(
    ({ alertOf }) => alertOf(conversation, sound),
    () => {},
  )
}
