import { signal } from '@preact/signals'
import type { User } from '@rabble/client'
import { onSignOut } from '../state/session.ts'

/** Message that the user is about to report. */
export const reporting = signal<{ room: string; id: string; text: string } | undefined>(undefined)

/** User about whom something is to be done, and the room from which it was asked for. */
export const moderating = signal<{ user: User; room?: string } | undefined>(undefined)

onSignOut(() => {
  reporting.value = undefined
  moderating.value = undefined
})
