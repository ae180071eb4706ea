import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { texts } from '../conversation/draft.ts'
import { firstRoom, go, route } from '../state/route.ts'
import { chat, goOut, onGoOut } from '../state/session.ts'
import { Dialog } from '../ui/dialog.tsx'

const asking = signal(false)
onGoOut(() => {
  asking.value = false
})

/** Logs out. If unsent messages would be lost, asks for confirmation first. */
export function wantOut(): void {
  const isUnsent = chat.peek()?.pending.some(({ state }) => state !== 'sent') === true
  if (isUnsent || [...texts.values()].some((text) => text.trim() !== '')) asking.value = true
  else leave()
}

export function GoingOut(): JSX.Element | null {
  if (!asking.value) return null
  const close = () => {
    asking.value = false
  }
  return (
    <Dialog title="Go out?" onClose={close}>
      <p>Something that you wrote is not sent yet. Whoever goes out gives the name up, and it is lost.</p>
      <div class="dialog-buttons">
        <button type="button" onClick={close}>
          Stay
        </button>
        <button type="button" class="danger" onClick={leave}>
          Go out all the same
        </button>
      </div>
    </Dialog>
  )
}

function leave(): void {
  goOut()
  // The address must not show the next user a peer or a search. A room may stay, since the next user can enter it too.
  if (route.peek().view !== 'room') go({ view: 'room', room: firstRoom })
}
