import { useSignal } from '@preact/signals'
import { eraseUser } from '@rabble/client/account'
import type { JSX } from 'preact'
import { leave } from '../shell/sign-out.tsx'
import { useAttempt } from '../state/attempt.ts'
import { me } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { FormButtons } from '../ui/form-buttons.tsx'
import { accountOpen, closeAccountDialog } from './open.ts'

/** Dialog to erase the user, who writes the own name to confirm. */
export function Erasure(): JSX.Element {
  const { busy, problem, run } = useAttempt()
  const written = useSignal('')
  const user = me.value
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (user === undefined) return
    let barredUntil = ''
    const isDone = await run(async (chat) => {
      if (written.peek().trim().normalize('NFC') !== user.name.normalize('NFC'))
        throw new Error(t.account.otherName)
      barredUntil = (await eraseUser(chat, user.id)).barredUntil
    })
    if (isDone) leave(barredUntil)
  }
  return (
    <Dialog title={t.account.erase} onClose={closeAccountDialog}>
      <form class="dialog-form" autocomplete="off" noValidate onSubmit={(event) => void submit(event)}>
        <ul class="plain-list">
          <li>{t.account.erased.messages}</li>
          <li>{t.account.erased.session}</li>
          <li>{t.account.erased.forGood}</li>
        </ul>
        <h3>{t.account.remains}</h3>
        <ul class="plain-list quiet small">
          <li>{t.account.kept.log}</li>
          <li>{t.account.kept.others}</li>
        </ul>
        <button
          type="button"
          class="link-button"
          onClick={() => {
            accountOpen.value = 'export'
          }}
        >
          {t.account.downloadFirst}
        </button>
        <label for="erased-name">{t.account.confirm(isolated(user?.name ?? ''))}</label>
        <input
          id="erased-name"
          type="text"
          spellcheck={false}
          autocapitalize="none"
          aria-describedby="erasure-problem"
          aria-invalid={problem.value !== ''}
          onInput={({ currentTarget }) => {
            written.value = currentTarget.value
          }}
        />
        <p id="erasure-problem" class="problem small" role="alert">
          {problem.value}
        </p>
        <FormButtons label={t.account.eraseIt} kind="danger" busy={busy.value} onClose={closeAccountDialog} />
      </form>
    </Dialog>
  )
}
