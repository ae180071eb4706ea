declare const brand: unique symbol

/**
 * Bytes as a string, a character (Latin-1) for each byte. It costs its length once, keeps no network buffer alive, and becomes the
 * same bytes again. The type keeps it from being taken for text.
 */
export type ByteString = string & { readonly [brand]: 'bytes' }

export const noBytes = '' as ByteString

export function byteString(bytes: Buffer): ByteString {
  return bytes.toString('latin1') as ByteString
}

export function bytesOf(string: ByteString): Buffer {
  return Buffer.from(string, 'latin1')
}

/** Joins byte strings, with an ASCII separator between them. */
export function joinBytes(strings: readonly ByteString[], separator: string): ByteString {
  return strings.join(separator) as ByteString
}
