import { signal } from '@preact/signals'
import type { Message } from '@rabble/client'
import { onSignOut } from '../state/session.ts'
import { load, save } from '../state/storage.ts'

/** Purpose of the composer: a new message, a reply, or an edit of an own message. */
export type Draft =
  | { about: 'new' }
  | { about: 'reply'; message: Message }
  | { about: 'edit'; message: Message }

export const draft = signal<Draft>({ about: 'new' })
/** Unsent drafts by room. They survive a reload. */
export const texts = new Map<string, string>((load('drafts') as [string, string][] | undefined) ?? [])

onSignOut(() => {
  draft.value = { about: 'new' }
  texts.clear()
})
// A page, even a hidden one, may be closed without any other event than these.
for (const type of ['visibilitychange', 'pagehide'])
  addEventListener(type, () => save('drafts', texts.size === 0 ? undefined : [...texts]))
