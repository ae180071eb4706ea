import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { conversationActions, conversationOf } from '../state/conversations.ts'
import { problemOf } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'

/** Button that mutes a conversation on all devices, or ends that. */
export function Mute({ room }: { room: string }): JSX.Element | null {
  const busy = useSignal(false)
  const problem = useSignal('')
  const conversation = conversationOf(room)
  if (conversation === undefined) return null
  const { muted } = conversation
  const change = async () => {
    busy.value = true
    problem.value = ''
    try {
      await conversationActions()?.mute(room, !muted)
    } catch (error) {
      problem.value = problemOf(error)
    }
    busy.value = false
  }
  return (
    <section>
      <button type="button" class="with-icon" disabled={busy.value} onClick={() => void change()}>
        <Icon name={muted ? 'bell' : 'muted'} size={18} />
        {muted ? t.rooms.unmute : t.rooms.mute}
      </button>
      <p class="quiet small">{muted ? t.rooms.mutedHint : t.rooms.muteHint}</p>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
    </section>
  )
}
