import { type ReadonlySignal, signal } from '@preact/signals'

/** Whether a media query holds, now and later. The style sheet has the same widths. */
function media(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query)
  const holds = signal(list.matches)
  list.addEventListener('change', () => {
    holds.value = list.matches
  })
  return holds
}

/** The list of rooms is a drawer. */
export const narrow = media('(max-width: 47.99rem)')
/** The list of people is a drawer. */
export const medium = media('(max-width: 69.99rem)')
/** On touch screens focus opens the keyboard. */
export const touch = media('(pointer: coarse)')
