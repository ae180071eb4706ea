import { useSignal, useSignalEffect } from '@preact/signals'
import type { ChatState } from '@rabble/client'
import type { JSX } from 'preact'
import { chat, connection, enterAgain, sentence } from '../state/session.ts'
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
          <p class="countdown">in {Math.max(0, Math.ceil((state.until - now.value) / 1000))} s</p>
          <button type="button" onClick={() => chat.value?.reconnect()}>
            Try now
          </button>
        </>
      )}
      {state.status === 'closed' && (
        <>
          <button type="button" onClick={enterAgain}>
            Come back
          </button>
          <button type="button" onClick={requestSignOut}>
            Go to sign-in
          </button>
        </>
      )}
    </div>
  )
}

function words(state: Exclude<ChatState, { status: 'open' }>): string {
  switch (state.status) {
    case 'connecting':
      return 'Connecting…'
    case 'waiting':
      return navigator.onLine
        ? `${sentence(state.reason)} Your messages are kept. Trying again…`
        : 'You are offline. Your messages are kept, and sent when you are back online.'
    case 'closed':
      return `Disconnected: ${state.reason}`
    default:
      return state satisfies never
  }
}
