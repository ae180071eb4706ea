import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { findKnown } from '../state/names.ts'
import { go } from '../state/route.ts'
import { changes } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Dialog } from '../ui/dialog.tsx'

const most = 50
/** Pattern of a user's id in the protocol. */
const anId = /^[A-Za-z0-9._-]{1,64}$/

/** Dialog that asks for the recipient: one of the known users by name, or any user by id. */
export function NewDirect({ onClose }: { onClose(): void }): JSX.Element {
  changes.value
  const letters = useSignal('')
  const wanted = letters.value.trim()
  const found = findKnown(wanted)
  const isId = anId.test(wanted) && !found.some(({ id }) => id === wanted)
  const write = (user: string) => {
    onClose()
    go({ view: 'direct', user })
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const [first] = found
    if (first !== undefined) write(first.id)
    else if (isId) write(wanted)
  }
  return (
    <Dialog title={t.direct.newDirect} onClose={onClose}>
      <form autocomplete="off" class="dialog-form" onSubmit={submit}>
        <label for="direct-name">{t.direct.name}</label>
        <input
          id="direct-name"
          type="text"
          spellcheck={false}
          aria-describedby="direct-hint"
          onInput={(event) => {
            letters.value = event.currentTarget.value
          }}
        />
        <p id="direct-hint" class="quiet small" role="status">
          {found.length === 0 && !isId ? t.direct.nobody : t.direct.choose}
        </p>
        <ul class="pick-list">
          {found.slice(0, most).map((user) => (
            <li key={user.id}>
              <button type="button" class="pick" onClick={() => write(user.id)}>
                <Avatar user={user} small />
                <bdi>{user.name}</bdi>
                <span class="quiet small">{user.id}</span>
              </button>
            </li>
          ))}
          {isId && wanted.length > 2 && (
            <li>
              <button type="button" class="pick" onClick={() => write(wanted)}>
                <Avatar user={{ id: wanted, name: wanted }} small />
                {t.direct.withId(<bdi>{wanted}</bdi>)}
              </button>
            </li>
          )}
        </ul>
      </form>
    </Dialog>
  )
}
