import type { ConversationState } from '@rabble/client/conversations'
import { conversationOf } from '../state/conversations.ts'
import { me, onEnter, onSignOut } from '../state/session.ts'
import { language } from '../texts/language.ts'
import { isNews } from './news.ts'
import { pushed } from './pushed.ts'
import { areOn, followPush, isPossible, settings } from './settings.ts'
import { followVisibility } from './visible-tab.ts'

/** Notifies the user of direct messages and mentions while the page is hidden. Call it before the conversations are followed. */
export function startNotifications(): void {
  if (!isPossible) return
  followVisibility()
  // A click at a notification that the service worker has shown.
  navigator.serviceWorker?.addEventListener('message', ({ data }) => {
    if (typeof data?.show === 'string') location.hash = data.show
  })
  // The service worker tells the language.
  language.subscribe(() => {
    if (pushed.peek()) followPush(true)
  })
  onSignOut(() => {
    if (settings.peek().notify) followPush(false)
  })
  onEnter((chat) => {
    if (areOn()) followPush(true)
    chat.on('conversation', ({ room, conversation }) => {
      // The list of conversations follows the same event later, so this is the state before it.
      if (conversation !== undefined && isNews(conversationOf(room), conversation, me.peek()?.id))
        tell(conversation)
    })
  })
}

function tell(conversation: ConversationState): void {
  const { sound } = settings.peek()
  if (!document.hidden || !areOn()) return
  import('./alert.ts').then(
    ({ alertOf }) => alertOf(conversation, sound),
    () => {},
  )
}
