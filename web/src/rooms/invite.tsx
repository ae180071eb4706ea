import { useSignal } from '@preact/signals'
import { inviteUser } from '@rabble/client/rooms'
import type { JSX } from 'preact'
import { useAttempt } from '../state/attempt.ts'
import { findKnown } from '../state/names.ts'
import { mayInvite } from '../state/roles.ts'
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
  const { busy, problem, run } = useAttempt()
  const users = findKnown('')
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const id = String(new FormData(event.currentTarget).get('user'))
    const name = users.find((user) => user.id === id)?.name
    if (name === undefined) return
    done.value = ''
    if (await run((chat) => inviteUser(chat, room, id))) done.value = t.rooms.invited(isolated(name))
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
      <button type="submit" disabled={busy.value}>
        {t.rooms.invite}
      </button>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
      <p class="quiet small" role="status">
        {done.value}
      </p>
    </form>
  )
}
