import type { ErasureReply } from '@rabble/contract'
import type { Requester } from './requester.ts'

export type { ErasureReply as Erasure } from '@rabble/contract'

/**
 * Returns everything that is stored of a user, as lines of JSON. The last line has the type `end`: without it, the export was broken
 * off. For the user, and for moderators who may read direct messages. @throws ChatError
 */
export function exportUser(chat: Requester, user: string): Promise<Blob> {
  return chat.request(['api', 'users', user, 'export'], { read: ({ body }) => new Response(body).blob() })
}

/**
 * Erases a user for good: the user is out at once, and the data is gone once `getErasure` says `done`. For the user, and for
 * moderators. The application asks for a confirmation before. @throws ChatError
 */
export function eraseUser(chat: Requester, user: string): Promise<ErasureReply> {
  return chat.request(['api', 'users', user, 'erasure'], { method: 'POST', body: { confirm: user } })
}

/** Returns the state of an erasure. @throws ChatError `not-found` if nobody has asked for it */
export function getErasure(chat: Requester, user: string): Promise<ErasureReply> {
  return chat.request(['api', 'users', user, 'erasure'])
}
