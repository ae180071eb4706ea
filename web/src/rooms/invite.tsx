import { useSignal } from '@preact/signals'
import { inviteUser } from '@rabble/client/rooms'
import type { JSX } from 'preact'
import { findKnown } from '../state/names.ts'
import { mayInvite } from '../state/roles.ts'
import { chat, problemOf } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'

/** Button that opens a dialog to invite users, in rooms into which this user may invite. */
export function InviteButton({ room }: { room: string }): JSX.Element | null {
  const open = useSignal(false)
  if (!mayInvite(room)) return null
  return (
    <>
      <IconButton
        icon="invite"
        label={t.rooms.invitePeople}
        aria-haspopup="dialog"
        onClick={() => {
          open.value = true
        }}
      />
      {open.value && (
        <Dialog
          title={t.rooms.invitePeople}
          onClose={() => {
            open.value = false
          }}
        >
          <Invite room={room} />
        </Dialog>
      )}
    </>
  )
}

/** Form to invite a user who was seen in one of the rooms. */
export function Invite({ room }: { room: string }): JSX.Element {
  const done = useSignal('')
  const problem = useSignal('')
  const users = findKnown('')
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const id = String(new FormData(event.currentTarget).get('user'))
    const name = users.find((user) => user.id === id)?.name
    const own = chat.peek()
    if (name === undefined || own === undefined) return
    problem.value = ''
    done.value = ''
    try {
      await inviteUser(own, room, id)
      done.value = t.rooms.invited(isolated(name))
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  if (users.length === 0) return <p class="quiet small">{t.rooms.nobodyToInvite}</p>
  return (
    <form class="inline-form" onSubmit={(event) => void submit(event)}>
      <label for="invited">{t.rooms.invite}</label>
      <select id="invited" name="user">
        {users.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <button type="submit">{t.rooms.invite}</button>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
      <p class="quiet small" role="status">
        {done.value}
      </p>
    </form>
  )
}
