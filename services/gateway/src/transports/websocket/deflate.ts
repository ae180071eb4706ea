import { constants, deflateRawSync } from 'node:zlib'
import { extension } from 'ws'

declare module 'ws' {
  /** Parses a `Sec-WebSocket-Extensions` header. @types/ws does not know it yet. @throws SyntaxError */
  export const extension: { parse(header: string): Record<string, Parameters[]> }
}

/** Base-2 logarithm of the size (bytes) of the window in which compressed bytes may refer to earlier ones. */
const windowBits = 12

/** Number of bytes at the end of each compressed message that are not sent (RFC 7692, section 7.2.1). */
const tailBytes = 4

/** Compresses a message for a client (RFC 7692, section 7.2.1), which holds the bytes of `window` from the messages before. */
export function deflate(message: Buffer, window?: Buffer): Buffer {
  const compressed = deflateRawSync(message, {
    // Higher levels take longer for long messages, and save 2 % of usual ones.
    level: 1,
    memLevel: 5,
    windowBits,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: message.length + 64,
    ...(window !== undefined && window.length > 0 && { dictionary: window }),
  })
  return compressed.subarray(0, -tailBytes)
}

/** A parameter of an offer: its value, or true if it has none. */
type Parameters = Readonly<Record<string, readonly (string | true)[]>>

/**
 * Returns the answer to the `Sec-WebSocket-Extensions` of a client (RFC 7692, section 7.1): the first offer that can be accepted.
 * Returns undefined if there is none. The connection is not compressed then.
 */
export function acceptDeflate(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  try {
    const offers = extension.parse(header)['permessage-deflate'] ?? []
    return offers.map(answerTo).find((answer) => answer !== undefined)
  } catch {
    return undefined
  }
}

/** The parameters that can be accepted, with these values. Without `server_no_context_takeover`: frames refer to those before them. */
const acceptable: ReadonlyMap<string, (value: string | true) => boolean> = new Map([
  ['server_max_window_bits', (value) => isBits(value) && Number(value) >= windowBits],
  ['client_no_context_takeover', (value) => value === true],
  ['client_max_window_bits', (value) => value === true || isBits(value)],
])

function isBits(value: string | true): boolean {
  return value !== true && /^([89]|1[0-5])$/.test(value)
}

/** Returns the answer to one offer, or undefined if it must be declined. */
function answerTo(offer: Parameters): string | undefined {
  for (const [name, values] of Object.entries(offer)) {
    if (values.length !== 1 || !values.every((value) => acceptable.get(name)?.(value))) return undefined
  }
  return [
    'permessage-deflate',
    // Otherwise the client's messages could refer to the token in its `hello`, and each would need a context here.
    'client_no_context_takeover',
    ...(offer.server_max_window_bits === undefined ? [] : [`server_max_window_bits=${windowBits}`]),
  ].join('; ')
}
