import { useSignal } from '@preact/signals'
import type { Room } from '@rabble/client'
import type { JSX } from 'preact'
import { leave } from '../state/rooms.ts'
import { problemOf } from '../state/session.ts'
import { IconButton } from '../ui/button.tsx'

/** Time (ms) for which a problem is shown. */
const saidFor = 6_000

/** Button that ends the membership of a room, on all devices. */
export function LeaveRoom({ room }: { room: Room }): JSX.Element {
  const problem = useSignal('')
  const go = async () => {
    problem.value = ''
    try {
      await leave(room.name)
    } catch (error) {
      problem.value = problemOf(error)
      setTimeout(() => {
        problem.value = ''
      }, saidFor)
    }
  }
  return (
    <>
      <IconButton icon="close" label="Leave the room" onClick={() => void go()} />
      <p class={`toast ${problem.value === '' ? 'gone' : ''}`} role="alert">
        {problem.value}
      </p>
    </>
  )
}
