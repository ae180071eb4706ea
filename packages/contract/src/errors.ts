/**
 * Every error code that a client can get, in frames and over HTTP. The list is finite and part of the protocol: `retry` tells
 * clients whether the same request, unchanged, may succeed later.
 */
export const errorCodes = {
  'bad-frame': { status: 400, retry: false, meaning: 'The request breaks a rule of the protocol.' },
  unauthorized: { status: 401, retry: false, meaning: 'Say hello first, or with a valid token.' },
  forbidden: { status: 403, retry: false, meaning: 'This user may not do that.' },
  'not-found': { status: 404, retry: false, meaning: 'There is nothing with this name.' },
  'room-not-found': { status: 404, retry: false, meaning: 'There is no such room.' },
  'message-not-found': { status: 404, retry: false, meaning: 'There is no such message, or it was deleted.' },
  'room-exists': { status: 409, retry: false, meaning: 'There is such a room already.' },
  'room-full': { status: 409, retry: true, meaning: 'The room is full.' },
  'already-joined': {
    status: 409,
    retry: false,
    meaning: 'The user is in this room with another session, and the room allows one session per user.',
  },
  'not-joined': { status: 409, retry: false, meaning: 'Join the room first.' },
  'name-taken': { status: 409, retry: false, meaning: 'Somebody else holds this name.' },
  'too-large': { status: 413, retry: false, meaning: 'A text or a list is over its limit.' },
  refused: {
    status: 422,
    retry: false,
    meaning: 'A filter of the operator refuses this message. The error message has its reason.',
  },
  'rate-limited': { status: 429, retry: true, meaning: 'Too many requests at once. Wait for retryAfter.' },
  unavailable: {
    status: 503,
    retry: true,
    meaning: 'The service is temporarily unavailable. Send it again, with the same cid.',
  },
} as const satisfies Record<string, { status: number; retry: boolean; meaning: string }>

/** Code of an error that a client can get. */
export type ErrorCode = keyof typeof errorCodes

/** Error that may be shown to the client that caused it: a stable code and a sentence that states the rule. */
export class RabbleError extends Error {
  override readonly name = 'RabbleError'
  readonly code: ErrorCode
  /** HTTP status of the response. */
  readonly statusCode: number
  /** Milliseconds after which a retry makes sense, for codes that allow one. */
  readonly retryAfter?: number

  constructor(code: ErrorCode, message: string, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.statusCode = errorCodes[code].status
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter
  }
}
