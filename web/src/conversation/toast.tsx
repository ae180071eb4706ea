import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { onSignOut } from '../state/session.ts'

/** Time (ms) for which a toast is shown. */
const shownFor = 6_000

const text = signal('')
let timer: ReturnType<typeof setTimeout> | undefined

onSignOut(() => {
  text.value = ''
})

/** Shows a text for a moment, in place of the toast before. */
export function toast(what: string): void {
  clearTimeout(timer)
  text.value = what
  timer = setTimeout(() => {
    text.value = ''
  }, shownFor)
}

/** The place of the toasts of the conversation. */
export function Toast(): JSX.Element {
  return (
    <p class={`toast ${text.value === '' ? 'gone' : ''}`} role="status">
      {text.value}
    </p>
  )
}
