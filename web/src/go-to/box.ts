import { type Signal, signal } from '@preact/signals'
import { onSignOut } from '../state/session.ts'

/** Whether the box for going anywhere is open. */
export const goToOpen = signal(false)
onSignOut(() => {
  goToOpen.value = false
})

export function openGoTo(): void {
  goToOpen.value = true
}

/** The input of the box and its list, whose code is loaded later. */
export interface Box {
  readonly text: Signal<string>
  /** Whether Enter was pressed, and the list takes its first place as soon as it has one. */
  readonly due: Signal<boolean>
  /** Id of the element of the active place; undefined: none is active. */
  readonly active: Signal<string | undefined>
  /** Handles a key of the input. */
  press(event: KeyboardEvent): void
  /** Handles Enter. */
  enter(): void
}

export function createBox(): Box {
  const due = signal(false)
  return {
    text: signal(''),
    due,
    active: signal(undefined),
    press() {},
    enter() {
      due.value = true
    },
  }
}

/** Id of the list. */
export const placesId = 'places'
