import { useSignal } from '@preact/signals'
import { createRoom } from '@rabble/client/rooms'
import type { JSX } from 'preact'
import { go } from '../state/route.ts'
import { chat, problemOf } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { creating } from './creating.ts'
import { RoomFields, readFields } from './room-fields.tsx'

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

function NewRoom({ name, onClose }: { name: string; onClose(): void }): JSX.Element {
  const problem = useSignal('')
  const busy = useSignal(false)
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    if (busy.value) return
    const data = new FormData(event.currentTarget)
    const wanted = String(data.get('name')).trim().normalize('NFC')
    busy.value = true
    try {
      if (wanted === '') throw new Error(t.rooms.nameMissing)
      const { topic, capacity, access } = readFields(data)
      // The server decides on settings that are not given.
      const own = chat.peek()
      if (own === undefined) return
      await createRoom(own, wanted, { topic, access, ...(capacity !== null && { capacity }) })
      onClose()
      go({ view: 'room', room: wanted })
    } catch (error) {
      problem.value = problemOf(error)
    }
    busy.value = false
  }
  return (
    <Dialog title={t.common.create} onClose={onClose}>
      <form autocomplete="off" class="dialog-form" noValidate onSubmit={(event) => void submit(event)}>
        <label for="room-name">{t.rooms.name}</label>
        <input
          id="room-name"
          name="name"
          type="text"
          defaultValue={name}
          spellcheck={false}
          autocapitalize="none"
          aria-describedby="room-problem"
          aria-invalid={problem.value !== ''}
        />
        <RoomFields topic="" access="open" />
        <p id="room-problem" class="problem" role="alert">
          {problem.value}
        </p>
        <div class="dialog-buttons">
          <button type="button" onClick={onClose}>
            {t.common.cancel}
          </button>
          <button type="submit" class="primary" disabled={busy.value}>
            {t.rooms.createIt}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
