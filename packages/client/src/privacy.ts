import type { Connection } from './connection.ts'
import type { Chat } from './types.ts'

/** Choices of the user, on all devices: what others may see. */
export interface Privacy {
  /** Whether they see how far the user has read. Users who hide theirs don't see those of others. Default: true. */
  receipts: boolean
  /** Whether they see if the user is here, and when the user was. Users who hide it don't see it of others. Default: true. */
  presence: boolean
}

/** Returns what others may see of the user. The event `privacy` of the chat tells each change. @throws ChatError */
export function getPrivacy(chat: Pick<Chat, 'state'>): Promise<Privacy> {
  return ask(chat, {})
}

/** Changes what others may see of the user. Resolves once the log has it, with all choices. @throws ChatError */
export function setPrivacy(chat: Pick<Chat, 'state'>, choices: Partial<Privacy>): Promise<Privacy> {
  return ask(chat, choices)
}

async function ask(chat: Pick<Chat, 'state'>, choices: Partial<Privacy>): Promise<Privacy> {
  const { connection } = chat as unknown as { connection: Pick<Connection, 'request'> }
  const { receipts, presence } = await connection.request({ type: 'privacy', ...choices })
  return { receipts, presence }
}
