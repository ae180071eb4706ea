import { useSignal } from '@preact/signals'
import type { Chat } from '@rabble/client'
import { inviteUser } from '@rabble/client/rooms'
import type { JSX } from 'preact'
import { findKnown } from '../state/names.ts'

interface Props {
  /** Name of the room. */
  room: string
  /** Runs `what`, and shows the error if it fails. */
  attempt(what: (own: Chat) => Promise<void>): Promise<void>
}

/** Form to invite a user who was seen in one of the rooms. */
export function Invite({ room, attempt }: Props): JSX.Element {
  const done = useSignal('')
  const users = findKnown('')
  const submit = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const id = String(new FormData(event.currentTarget).get('user'))
    const name = users.find((user) => user.id === id)?.name
    if (name === undefined) return
    void attempt(async (own) => {
      await inviteUser(own, room, id)
      done.value = `\u2068${name}\u2069 is invited.`
    })
  }
  if (users.length === 0)
    return <p class="quiet small">You can invite people here whom you meet in other rooms.</p>
  return (
    <form class="inline-form" onSubmit={submit}>
      <label for="invited">Invite</label>
      <select id="invited" name="user">
        {users.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <button type="submit">Invite</button>
      <p class="quiet small" role="status">
        {done.value}
      </p>
    </form>
  )
}
