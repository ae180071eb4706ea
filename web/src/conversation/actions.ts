import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import { connection, onSignOut } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { draft } from './draft.ts'

/** Message whose deletion the user is asked to confirm. */
export const deleting = signal<{ room: Room; message: Message } | undefined>(undefined)
onSignOut(() => {
  deleting.value = undefined
})

export function reply(message: Message): void {
  draft.value = { about: 'reply', message }
}

export function edit(message: Message): void {
  draft.value = { about: 'edit', message }
}

/** Whether a message is the user's own and not deleted. */
export function isOwn(message: Message, me: string | undefined): boolean {
  return message.from.id === me && message.deleted === undefined
}

/**
 * Sends a message or a change. Returns undefined if the SDK accepted it: it is then in `room.pending` until it arrives, or
 * with the reason why it can't. Otherwise returns the reason, for people, and the text must stay in its input.
 */
export function write(room: Room, writing: () => Promise<unknown>): string | undefined {
  const before = new Set(room.pending.map(({ cid }) => cid))
  quietly(writing())
  if (room.pending.some(({ cid }) => !before.has(cid))) return undefined
  return connection.peek().status === 'closed'
    ? t.conversation.notSentDisconnected
    : t.conversation.notSentFull
}

/** Ignores a rejection. The message shows a permanent failure, with buttons to retry or discard. */
export function quietly(sending: Promise<unknown>): void {
  sending.catch(() => {})
}
