import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { texts } from '../conversation/draft.ts'
import { firstRoom, go, route } from '../state/route.ts'
import { chat, onSignOut, signOut } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'

const asking = signal(false)
onSignOut(() => {
  asking.value = false
})

/** Signs out. If unsent messages would be lost, asks for confirmation first. */
export function requestSignOut(): void {
  const isUnsent = chat.peek()?.pending.some(({ status }) => status !== 'sent') === true
  if (isUnsent || [...texts.values()].some((text) => text.trim() !== '')) asking.value = true
  else leave()
}

export function SignOutDialog(): JSX.Element | null {
  if (!asking.value) return null
  const close = () => {
    asking.value = false
  }
  return (
    <Dialog title={t.shell.signOutTitle} onClose={close}>
      <p>{t.shell.signOutHint}</p>
      <div class="dialog-buttons">
        <button type="button" onClick={close}>
          {t.shell.stay}
        </button>
        <button type="button" class="danger" onClick={() => leave()}>
          {t.shell.signOutAnyway}
        </button>
      </div>
    </Dialog>
  )
}

/** Signs out. `erasedUntil`: the user is being erased, and can't come in until this time. */
export function leave(erasedUntil?: string): void {
  signOut(erasedUntil)
  // The address must not show the next user a peer or a search. A room may stay, since the next user can enter it too.
  if (route.peek().view !== 'room') go({ view: 'room', room: firstRoom })
}
