import { signal } from '@preact/signals'
import { onSignOut } from '../state/session.ts'

/** Open dialog about the user's account; undefined without one. */
export const accountOpen = signal<'privacy' | 'export' | 'erasure' | undefined>(undefined)

export function closeAccountDialog(): void {
  accountOpen.value = undefined
}

onSignOut(closeAccountDialog)
