import type { CloseReason, ErrorCode, errorCodes } from '@rabble/contract'

/**
 * Codes of the SDK. `disconnected`: there is no connection; `timeout`: no answer came in time; `closed`: the chat was closed by
 * `close()`; `left`: the room was left; `outbox-full`: too much is unsent; `discarded`: the message was withdrawn before it was
 * sent; `other-user`: its author could not reconnect as the same user; `no-websocket`: WebSocket is the only transport, and
 * neither the platform nor the options have one.
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

/** Turns `tokenExpired` into `token-expired`. */
type Kebab<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `-${Lowercase<First>}`}${Kebab<Rest>}`
  : Name

/** Names of the close codes of the protocol, such as `token-expired` for 4401. */
export type CloseErrorCode = Kebab<CloseReason>
/** Close code → name of all close codes of one kind. */
export type CloseNames<
  Codes extends Record<CloseReason, { code: number; retry: boolean }>,
  Retry extends boolean,
> = {
  [R in CloseReason as Codes[R]['retry'] extends Retry ? Codes[R]['code'] : never]: Kebab<R>
}

/** All codes of errors: those of the protocol, the names of its close codes, and those of the SDK. */
export type ChatErrorCode = ErrorCode | CloseErrorCode | ClientErrorCode

/** Error with a stable code. Decide by `code`; `message` is for people. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly code: ChatErrorCode
  /** Milliseconds after which a retry makes sense, if the server sent them. */
  readonly retryAfter: number | undefined

  /** Default of the message: the code. */
  constructor(code: ChatErrorCode, message: string = code, retryAfter?: number) {
    super(message)
    this.code = code
    this.retryAfter = retryAfter
  }

  /** Whether the same request, unchanged, may succeed later. */
  get retry(): boolean {
    // As the protocol asks: an unknown code is retryable if the server says when to retry.
    return this.code in retryable || this.retryAfter !== undefined
  }
}

// The SDK imports only types from the contract: the compiler compares this list with it.
type Retryable = { [C in ErrorCode]: (typeof errorCodes)[C]['retry'] extends true ? C : never }[ErrorCode]
const retryable: Record<Retryable | 'disconnected' | 'timeout', true> = {
  'room-full': true,
  'rate-limited': true,
  unavailable: true,
  disconnected: true,
  timeout: true,
}
