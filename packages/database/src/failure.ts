/*
 * SQLSTATE classes (PostgreSQL manual, appendix A): 08 connection, 28 authorisation, 3D no such database, 40 rolled back
 * (deadlock), 53 out of resources, 57 stopped by the operator or by a timeout, 58 input or output. 25006: the server became
 * read-only; 25P03: the transaction idled too long; 55P03: a lock was not available in time.
 */
const unavailable = /^(?:(?:08|28|3D|40|53|57|58)...|25006|25P03|55P03)$/

/** Returns the SQLSTATE of a Database's error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  return /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}

/** Whether the same call may succeed later: the database is down, starting, overloaded or too slow. */
export function isUnavailable(error: unknown): boolean {
  return unavailable.test(sqlState(error) ?? '')
}

/** Whether the database refuses the values themselves (classes 22, 23 and 54), so that a retry can't help. */
export function isRefusedValue(error: unknown): boolean {
  return /^(?:22|23|54)/.test(sqlState(error) ?? '')
}

/** Failure of a connection, with SQLSTATE 08006: drivers report it in their own words. */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure'
  readonly code = '08006'
}
