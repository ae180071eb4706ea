import { isRefusedValue } from '@rabble/database'

class UnstorableError extends Error {
  override readonly name = 'UnstorableError'
}

/** What `make` makes of an event. JSON.parse takes any depth and JSON.stringify doesn't: then the event is unstorable. */
export function storableOf<Result>(make: () => Result): Result {
  try {
    return make()
  } catch (cause) {
    throw new UnstorableError(String(cause), { cause })
  }
}

/** Whether an event itself is why a step failed, rather than the database. */
export function isUnstorable(error: unknown): boolean {
  return isRefusedValue(error) || error instanceof UnstorableError
}
