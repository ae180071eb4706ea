import type { Database } from '@rabble/database'

/** Calls `statement` ahead of each statement of a transaction, and `committed` after each commit. */
export function withFaults(
  database: Database,
  faults: { statement?: (sql: string, params?: readonly unknown[]) => void; committed?: () => void },
): Database {
  return {
    ...database,
    async transaction(work, options) {
      const result = await database.transaction(
        (query) =>
          work(async (sql, params) => {
            faults.statement?.(sql, params)
            return query(sql, params)
          }),
        options,
      )
      faults.committed?.()
      return result
    },
  }
}
