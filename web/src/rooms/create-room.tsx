import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { onDemand } from '../ui/on-demand.tsx'
import { creating } from './creating.ts'
import type { NewRoomProps } from './new-room.tsx'

const NewRoom = onDemand<NewRoomProps>(() => import('./new-room.tsx').then(({ NewRoom }) => NewRoom))

/** Button that opens the dialog to create a room. */
export function CreateRoom(): JSX.Element {
  return (
    <IconButton
      icon="plus"
      label={t.common.create}
      aria-haspopup="dialog"
      onClick={() => {
        creating.value = ''
      }}
    />
  )
}

/** Dialog to create a room, while it is wanted. */
export function NewRoomDialog(): JSX.Element | null {
  const { value } = creating
  if (value === undefined) return null
  const close = () => {
    creating.value = undefined
  }
  return <NewRoom name={value} onClose={close} />
}
