import { signal } from '@preact/signals'
import { onSignOut } from '../state/session.ts'

/** Name that stands in the dialog to create a room; undefined while the dialog is closed. */
export const creating = signal<string | undefined>(undefined)
onSignOut(() => {
  creating.value = undefined
})
