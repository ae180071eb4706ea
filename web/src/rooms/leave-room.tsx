import type { Room } from '@rabble/client'
import type { JSX } from 'preact'
import { toast } from '../conversation/toast.tsx'
import { leave } from '../state/rooms.ts'
import { problemOf } from '../state/session.ts'
import { IconButton } from '../ui/button.tsx'

/** Button that ends the membership of a room, on all devices. */
export function LeaveRoom({ room }: { room: Room }): JSX.Element {
  const go = () => leave(room.name).catch((error: unknown) => toast(problemOf(error)))
  return <IconButton icon="close" label="Leave the room" onClick={() => void go()} />
}
