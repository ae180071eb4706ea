import { createRoom } from '@rabble/client/rooms'
import type { JSX } from 'preact'
import { useAttempt } from '../state/attempt.ts'
import { go } from '../state/route.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { FormButtons } from '../ui/form-buttons.tsx'
import { RoomFields, readFields } from './room-fields.tsx'

export interface NewRoomProps {
  /** Name that stands in the field at first. */
  name: string
  onClose(): void
}

/** Dialog to create a room. */
export function NewRoom({ name, onClose }: NewRoomProps): JSX.Element {
  const { busy, problem, run } = useAttempt()
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const wanted = String(data.get('name')).trim().normalize('NFC')
    const isDone = await run(async (chat) => {
      if (wanted === '') throw new Error(t.rooms.nameMissing)
      const { capacity, ...settings } = readFields(data)
      // The server decides on settings that are not given.
      await createRoom(chat, wanted, { ...settings, ...(capacity !== null && { capacity }) })
    })
    if (!isDone) return
    onClose()
    go({ view: 'room', room: wanted })
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
        <RoomFields />
        <p id="room-problem" class="problem" role="alert">
          {problem.value}
        </p>
        <FormButtons label={t.rooms.createIt} kind="primary" busy={busy.value} onClose={onClose} />
      </form>
    </Dialog>
  )
}
