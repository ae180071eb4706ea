import { signal } from '@preact/signals'
import type { Message } from '@rabble/client'
import { onGoOut } from '../state/session.ts'
import { load, save } from '../state/storage.ts'

/** What the composer is about: something new, an answer, or another text for an own message. */
export type Draft =
  | { about: 'new' }
  | { about: 'reply'; message: Message }
  | { about: 'edit'; message: Message }

export const draft = signal<Draft>({ about: 'new' })
/** What was typed and not sent, by room. It outlives a reload. */
export const texts = new Map<string, string>((load('drafts') as [string, string][] | undefined) ?? [])

onGoOut(() => {
  draft.value = { about: 'new' }
  texts.clear()
})
// The page may go without another word, also one that nobody looks at.
for (const type of ['visibilitychange', 'pagehide'])
  addEventListener(type, () => save('drafts', texts.size === 0 ? undefined : [...texts]))
