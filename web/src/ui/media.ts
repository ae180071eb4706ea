import { type ReadonlySignal, signal } from '@preact/signals'

/** Returns a signal of whether a media query matches. The style sheet has the same widths. */
function media(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query)
  const holds = signal(list.matches)
  list.addEventListener('change', () => {
    holds.value = list.matches
  })
  return holds
}

/** Whether the list of rooms is a drawer. */
export const narrow = media('(max-width: 47.99rem)')
/** Whether the list of people is a drawer. */
export const medium = media('(max-width: 69.99rem)')
/** Whether the device has a touch screen, on which the focus opens the keyboard. */
export const touch = media('(pointer: coarse)')
