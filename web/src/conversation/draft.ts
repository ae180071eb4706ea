import { signal } from '@preact/signals'
import type { Message } from '@rabble/client'
import { onGoOut } from '../state/session.ts'

/** What the composer is about: something new, an answer, or another text for an own message. */
export type Draft =
  | { about: 'new' }
  | { about: 'reply'; message: Message }
  | { about: 'edit'; message: Message }

export const draft = signal<Draft>({ about: 'new' })
/** What was typed and not sent, by room. */
export const texts = new Map<string, string>()

onGoOut(() => {
  draft.value = { about: 'new' }
  texts.clear()
})
