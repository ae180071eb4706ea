import { isRefusedValue } from '@rabble/database'

/**
 * Whether an event itself is why a step failed, rather than the database: that refused a value, or our own code threw, as
 * JSON.stringify does at some depth. Tried again it would fail again, and keep all that follows from being stored.
 */
export function isUnstorable(error: unknown): boolean {
  const ours = error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError
  return ours || isRefusedValue(error)
}
