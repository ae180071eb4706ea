import { useSignal, useSignalEffect } from '@preact/signals'
import type { ChatState } from '@rabble/client'
import type { JSX } from 'preact'
import { chat, connection, enterAgain, sentence } from '../state/session.ts'
import { errorText } from '../texts/error-text.ts'
import { t } from '../texts/texts.ts'
import { requestSignOut } from './sign-out.tsx'

/** Time (ms) for which a first attempt to connect is not shown. */
const timeout = 1_000

/** Shows that the chat isn't connected, and what happens next. Messages written meanwhile are sent later. */
export function Banner(): JSX.Element | null {
  const now = useSignal(Date.now())
  const late = useSignal(false)
  useSignalEffect(() => {
    const state = connection.value
    late.value = state.status === 'connecting' && state.attempt > 1
    const slow =
      state.status === 'connecting'
        ? setTimeout(() => {
            late.value = true
          }, timeout)
        : undefined
    now.value = Date.now()
    const tick =
      state.status === 'waiting'
        ? setInterval(() => {
            now.value = Date.now()
          }, 500)
        : undefined
    return () => {
      clearTimeout(slow)
      clearInterval(tick)
    }
  })
  const state = connection.value
  if (state.status === 'open' || (state.status === 'connecting' && !late.value)) return null
  return (
    <div class={`banner ${state.status === 'closed' ? 'bad' : ''}`}>
      <p role="status">{words(state)}</p>
      {state.status === 'waiting' && (
        <>
          <p class="countdown">
            {t.shell.inSeconds(Math.max(0, Math.ceil((state.until - now.value) / 1000)))}
          </p>
          <button type="button" onClick={() => chat.value?.reconnect()}>
            {t.shell.tryNow}
          </button>
        </>
      )}
      {state.status === 'closed' && (
        <>
          <button type="button" onClick={enterAgain}>
            {t.shell.comeBack}
          </button>
          <button type="button" onClick={requestSignOut}>
            {t.shell.toSignIn}
          </button>
        </>
      )}
    </div>
  )
}

function words(state: Exclude<ChatState, { status: 'open' }>): string {
  switch (state.status) {
    case 'connecting':
      return t.shell.connecting
    case 'waiting':
      return navigator.onLine ? t.shell.kept(sentence(errorText(state))) : t.shell.offline
    case 'closed':
      return t.shell.disconnected(errorText(state))
    default:
      return state satisfies never
  }
}
