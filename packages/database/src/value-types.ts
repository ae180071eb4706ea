/** Type ids of PostgreSQL (src/include/catalog/pg_type.dat) whose values the two drivers return differently. */
export const int8Type = 20
export const byteaType = 17

/** Parses an int8. @throws RangeError past 2^53, where the number would not be exact */
export function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the safe integers`)
  return value
}

/** Parses the `hex` output format, which is the default since PostgreSQL 9.0. */
export function parseBytea(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex')
}
