import { signal } from '@preact/signals'
import { onSignOut } from '../state/session.ts'

/** Whether the list of shortcuts is open. */
export const helpOpen = signal(false)
onSignOut(() => {
  helpOpen.value = false
})
