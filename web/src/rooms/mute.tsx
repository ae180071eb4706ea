import type { JSX } from 'preact'
import { useAttempt } from '../state/attempt.ts'
import { conversationActions, conversationOf } from '../state/conversations.ts'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'

/** Button that mutes a conversation on all devices, or ends that. */
export function Mute({ room }: { room: string }): JSX.Element | null {
  const { busy, problem, run } = useAttempt()
  const conversation = conversationOf(room)
  if (conversation === undefined) return null
  const { muted } = conversation
  const change = () => run(async () => conversationActions()?.mute(room, !muted))
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
