import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import { connection, onGoOut } from '../state/session.ts'
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

/**
 * Writes something. Returns why it was not taken, for people: then it is nowhere but where it was typed, and must stay there.
 * What was taken stands in the room until it has arrived, or with the reason why it can't.
 */
export function write(room: Room, writing: () => Promise<unknown>): string | undefined {
  const before = new Set(room.pending)
  quietly(writing())
  if (room.pending.some((pending) => !before.has(pending))) return undefined
  return connection.peek().is === 'closed'
    ? 'Not sent: you are disconnected. It stays here.'
    : 'Not sent: too much waits to be sent already. It stays here.'
}

/** Writing something resolves late or never; what fails for good stands at the message with what can be done. */
export function quietly(sending: Promise<unknown>): void {
  sending.catch(() => {})
}
