import { isRefusedValue } from '@rabble/database'

/**
 * Whether a step failed because of an event, not because of the database: the database refused a value, or this code threw, as
 * JSON.stringify does beyond some depth. A retry would fail again, and keep all later events from being stored.
 */
export function isUnstorable(error: unknown): boolean {
  const ours = error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError
  return ours || isRefusedValue(error)
}
