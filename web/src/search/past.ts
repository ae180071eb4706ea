import { signal } from '@preact/signals'
import { onSignOut } from '../state/session.ts'

/** Message around which the user reads, far from the newest ones. Undefined: at the newest. */
export const past = signal<{ room: string; id: string } | undefined>(undefined)
onSignOut(() => {
  past.value = undefined
})
