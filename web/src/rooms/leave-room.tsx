import type { JSX } from 'preact'
import { toast } from '../conversation/toast.tsx'
import { leave } from '../state/rooms.ts'
import { problemOf } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'

/** Button that ends the membership of a room, on all devices. */
export function LeaveRoom({ room, onLeave }: { room: string; onLeave(): void }): JSX.Element {
  const go = () => {
    onLeave()
    leave(room).catch((error: unknown) => toast(problemOf(error)))
  }
  return (
    <button type="button" class="with-icon" onClick={go}>
      <Icon name="leave" size={18} />
      {t.rooms.leaveRoom}
    </button>
  )
}
