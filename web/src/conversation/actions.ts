import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import { onGoOut } from '../state/session.ts'
import { draft } from './draft.ts'

/** The message that is about to be deleted, when somebody has said so. */
export const deleting = signal<{ room: Room; message: Message } | undefined>(undefined)
onGoOut(() => {
  deleting.value = undefined
})

export function reply(message: Message): void {
  draft.value = { about: 'reply', message }
}

export function edit(message: Message): void {
  draft.value = { about: 'edit', message }
}

/** Whether somebody may change it: the author, or a moderator, which the server knows. */
export function isOwn(message: Message, me: string | undefined): boolean {
  return message.from.id === me && message.deleted === undefined
}

/** Writing something resolves late or never; what fails for good stands at the message with what can be done. */
export function quietly(sending: Promise<unknown>): void {
  sending.catch(() => {})
}
