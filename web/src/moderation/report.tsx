import { reportMessage } from '@rabble/client/moderation'
import type { JSX } from 'preact'
import { beginning, shown } from '../conversation/shown.ts'
import { toast } from '../conversation/toast.tsx'
import { useAttempt } from '../state/attempt.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { FormButtons } from '../ui/form-buttons.tsx'
import { reporting } from './open.ts'

/** Dialog to report a message to the moderators. */
export function Report(): JSX.Element | null {
  const { busy, problem, run } = useAttempt()
  const what = reporting.value
  if (what === undefined) return null
  const close = () => {
    reporting.value = undefined
  }
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const reason = String(new FormData(event.currentTarget).get('reason')).trim()
    const { room, id: message } = what
    if (!(await run((chat) => reportMessage(chat, { room, message, reason })))) return
    close()
    toast(t.moderation.reported)
  }
  return (
    <Dialog title={t.moderation.reportTitle} onClose={close}>
      <form class="dialog-form" autocomplete="off" onSubmit={(event) => void submit(event)}>
        <blockquote class="text cut" dir="auto">
          {beginning(shown(what.text), 500)}
        </blockquote>
        <p class="quiet">{t.moderation.reportHint}</p>
        <label for="report-reason">{t.moderation.reason}</label>
        <input id="report-reason" name="reason" type="text" maxLength={256} />
        <p class="problem small" role="alert">
          {problem.value}
        </p>
        <FormButtons label={t.moderation.report} kind="primary" busy={busy.value} onClose={close} />
      </form>
    </Dialog>
  )
}
