import type { User } from '@rabble/contract'
import type { Chat } from './types.ts'

/** The caller, as the server sees it. */
export interface Session {
  user: User
  roles: string[]
  guest: boolean
  /** End of the token: milliseconds since 1970. */
  expiresAt: number
}

/** Returns the user of the chat's token, or of the cookie of a page. @throws ChatError `unauthorized` if there is none */
export function getSession(chat: Pick<Chat, 'request'>): Promise<Session> {
  return chat.request(['api', 'session'])
}

/**
 * Sets the cookie of the session, for pages of the server's own origin that send requests of their own. With a `name` for a guest,
 * otherwise for the user of the chat's token. @throws ChatError, such as `name-taken`
 */
export function createSession(
  chat: Pick<Chat, 'request'>,
  options: { name?: string } = {},
): Promise<Session & { token: string }> {
  return chat.request(['api', 'session'], { method: 'POST', body: options })
}

/**
 * Signs out: closes the chat, discards what is unsent, forgets a guest, gives the guest's name up, and takes the cookie away. Even
 * if it fails, the chat is closed and nothing is left in its storage. @throws ChatError if the server can't be reached
 */
export async function signOut(chat: Pick<Chat, 'close' | 'request'>): Promise<void> {
  // The server holds the name while the guest is connected.
  chat.close({ forget: true })
  await chat.request(['api', 'session'], { method: 'DELETE' })
}
