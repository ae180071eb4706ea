import type { Chat } from './types.ts'

/** A chat, as far as functions need it that send HTTP requests: its URL, its user's token and its `fetch`. */
export type Requester = Pick<Chat, 'request'>
