import { pressed } from '../shortcuts/keyboard.ts'

/** Moves the focus from a message to the one before or after it, if this is the key for that. Returns the row that has it then. */
export function moveFocus(event: KeyboardEvent): HTMLElement | undefined {
  const step = pressed('newer', event) ? 1 : pressed('older', event) ? -1 : 0
  const row = document.activeElement
  if (step === 0 || !(row instanceof HTMLElement) || row.dataset.id === undefined) return undefined
  event.preventDefault()
  const next = step === 1 ? row.nextElementSibling : row.previousElementSibling
  if (!(next instanceof HTMLElement)) return undefined
  next.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
  return next
}
