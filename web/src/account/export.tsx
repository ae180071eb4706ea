import { useSignal } from '@preact/signals'
import { exportUser } from '@rabble/client/account'
import type { JSX } from 'preact'
import { useAttempt } from '../state/attempt.ts'
import { me } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { closeAccountDialog } from './open.ts'
import { messagesIn } from './whole.ts'

/** Length (bytes) of the end of an export that has its last line. */
const lastLine = 1_000
/** Time (ms) after which the address of a file is given up. The browser has begun to save it by then. */
const savedAfter = 60_000

/** Dialog to download what the server keeps of the user. */
export function Export(): JSX.Element {
  const { busy, problem, run } = useAttempt()
  const done = useSignal('')
  const download = async () => {
    const user = me.peek()
    if (user === undefined) return
    done.value = ''
    await run(async (chat) => {
      const file = await exportUser(chat, user.id)
      const messages = messagesIn(await file.slice(-lastLine).text())
      if (messages === undefined) throw new Error(t.account.notWhole)
      save(file, `${user.id}.ndjson`)
      done.value = t.account.downloaded(messages)
    })
  }
  return (
    <Dialog title={t.account.download} onClose={closeAccountDialog}>
      <p>{t.account.downloadHint}</p>
      <p class="quiet small">{t.account.downloadForm}</p>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
      <p class="quiet" role="status">
        {busy.value ? t.common.loading : done.value}
      </p>
      <div class="dialog-buttons">
        <button type="button" onClick={closeAccountDialog}>
          {t.common.close}
        </button>
        <button type="button" class="primary" disabled={busy.value} onClick={() => void download()}>
          {t.account.downloadIt}
        </button>
      </div>
    </Dialog>
  )
}

function save(file: Blob, name: string): void {
  const href = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = href
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(href), savedAfter)
}
