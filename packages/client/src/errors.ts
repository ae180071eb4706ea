import type { ErrorCode, errorCodes } from '@rabble/contract'

/**
 * The SDK's own codes, besides those of the protocol. `disconnected`: there is no connection; `timeout`: no answer came in
 * time; `closed`: the chat was closed, by `close()` or for good by the server; `left`: the room was left; `outbox-full`: too
 * much is unsent; `discarded`: the message was taken back before it was sent; `other-user`: whoever wrote it could not come
 * back as the same user; `no-websocket`: this platform has none, and none was given.
 */
export type ClientErrorCode =
  | 'disconnected'
  | 'timeout'
  | 'closed'
  | 'left'
  | 'outbox-full'
  | 'discarded'
  | 'other-user'
  | 'no-websocket'

export type ChatErrorCode = ErrorCode | ClientErrorCode

/** Why something was not done. Decide by `code`; `message` is for people. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly code: ChatErrorCode
  /** Milliseconds after which trying again makes sense, if the server said so. */
  readonly retryAfter: number | undefined

  constructor(code: ChatErrorCode, message: string, retryAfter?: number) {
    super(message)
    this.code = code
    this.retryAfter = retryAfter
  }

  /** Whether the same, unchanged, may succeed later. */
  get retry(): boolean {
    // As the protocol asks: a code that isn't known is judged by whether the server says when to come back.
    return this.code in retryable || this.retryAfter !== undefined
  }
}

// No code of the contract is taken, only its types: the compiler compares this list with it.
type Retryable = { [C in ErrorCode]: (typeof errorCodes)[C]['retry'] extends true ? C : never }[ErrorCode]
const retryable: Record<Retryable | 'disconnected' | 'timeout', true> = {
  'room-full': true,
  'rate-limited': true,
  unavailable: true,
  disconnected: true,
  timeout: true,
}
