import { useSignal } from '@preact/signals'
import { type Privacy as Choices, getPrivacy, setPrivacy } from '@rabble/client/privacy'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { useAttempt } from '../state/attempt.ts'
import { chat } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { closeAccountDialog } from './open.ts'

const names = ['receipts', 'presence'] as const

/** Dialog for what others may see of the user. A choice holds at once, on all devices. */
export function Privacy(): JSX.Element {
  const { busy, problem, run } = useAttempt()
  const choices = useSignal<Choices | undefined>(undefined)
  const said = useSignal('')
  const first = useRef<HTMLInputElement>(null)
  const read = () =>
    run(async (own) => {
      choices.value = await getPrivacy(own)
    })
  useEffect(() => {
    void read()
    // Also what is chosen on another device.
    return chat.peek()?.on('privacy', ({ receipts, presence }) => {
      choices.value = { receipts, presence }
    })
  }, [])
  const isKnown = choices.value !== undefined
  useEffect(() => first.current?.focus(), [isKnown])
  const choose = async (name: (typeof names)[number], box: HTMLInputElement) => {
    const { checked } = box
    said.value = ''
    const isDone = await run(async (own) => {
      choices.value = await setPrivacy(own, { [name]: checked })
    })
    if (isDone) said.value = t.rooms.saved
    else box.checked = choices.peek()?.[name] === true
  }
  return (
    <Dialog title={t.account.privacy} onClose={closeAccountDialog}>
      <form class="dialog-form">
        {choices.value !== undefined &&
          names.map((name, index) => (
            <div key={name}>
              <label class="choice">
                <input
                  ref={index === 0 ? first : null}
                  type="checkbox"
                  checked={choices.value?.[name] === true}
                  aria-describedby={`privacy-${name}`}
                  onChange={({ currentTarget }) => void choose(name, currentTarget)}
                />
                {t.account.shows[name]}
              </label>
              <p id={`privacy-${name}`} class="quiet small">
                {t.account.showsHint[name]}
              </p>
            </div>
          ))}
        <p class="problem small" role="alert">
          {problem.value}
        </p>
        <p class="quiet small" role="status">
          {!isKnown && problem.value === '' ? t.common.loading : said.value}
        </p>
        <div class="dialog-buttons">
          {!isKnown && problem.value !== '' && (
            <button type="button" disabled={busy.value} onClick={() => void read()}>
              {t.common.tryAgain}
            </button>
          )}
          <button type="button" onClick={closeAccountDialog}>
            {t.common.close}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
