import type { ConversationState } from '@rabble/client/conversations'
import { conversationOf } from '../state/conversations.ts'
import { me, onEnter } from '../state/session.ts'
import { isNews } from './news.ts'
import { isPossible, settings } from './settings.ts'

/** Name of the lock that each visible tab of the browser holds. */
export const visibleTab = 'rabble.visible'

/** Notifies the user of direct messages and mentions while the page is hidden. Call it before the conversations are followed. */
export function startNotifications(): void {
  if (!isPossible) return
  holdLock()
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

/** Tells the other tabs whether this one is visible. */
function holdLock(): void {
  let release = () => {}
  const follow = () => {
    release()
    if (document.hidden) return
    const whileVisible = () =>
      new Promise<void>((resolve) => {
        release = resolve
        if (document.hidden) resolve()
      })
    void navigator.locks.request(visibleTab, { mode: 'shared' }, whileVisible)
  }
  document.addEventListener('visibilitychange', follow)
  follow()
}
