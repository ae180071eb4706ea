import type { Connection } from './connection.ts'
import type { Chat } from './types.ts'

/** Choices of the user, on all devices: what others may see. */
export interface Privacy {
  /** Whether they see how far the user has read. Users who hide theirs don't see those of others. Default: true. */
  receipts: boolean
}

/** Returns what others may see of the user. The event `privacy` of the chat tells each change. @throws ChatError */
export function getPrivacy(chat: Pick<Chat, 'state'>): Promise<Privacy> {
  return ask(chat, {})
}

/** Changes what others may see of the user. Resolves once the log has it. @throws ChatError */
export function setPrivacy(chat: Pick<Chat, 'state'>, choice: Privacy): Promise<Privacy> {
  return ask(chat, { receipts: choice.receipts })
}

async function ask(chat: Pick<Chat, 'state'>, choice: Partial<Privacy>): Promise<Privacy> {
  const { connection } = chat as unknown as { connection: Pick<Connection, 'request'> }
  const { receipts } = await connection.request({ type: 'privacy', ...choice })
  return { receipts }
}
